"""What AWS calls functions with, beside the gateway: a queue's batch, a stream's, a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.proof.account import Queued, Record

_ACCOUNT = "arn:aws:{}:eu-west-1:123456789012:{}"


def queue_event(queue: str, messages: Sequence[Queued], received: int = 1) -> dict[str, Any]:
    """A batch of a queue's messages."""
    return {
        "Records": [
            {
                "messageId": message.id,
                "receiptHandle": f"receipt-{message.id}",
                "body": message.body,
                "attributes": {
                    "SentTimestamp": str(message.sent_ms),
                    "ApproximateReceiveCount": str(received),
                    "ApproximateFirstReceiveTimestamp": str(message.sent_ms),
                },
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": _ACCOUNT.format("sqs", queue),
                "awsRegion": "eu-west-1",
            }
            for message in messages
        ]
    }


def stream_event(
    records: Sequence[tuple[int, Record]], at: float, table: str = "ledger"
) -> dict[str, Any]:
    """A batch of a table's stream; each record with its number in the stream."""
    return {
        "Records": [
            {
                "eventID": f"{number:032x}",
                "eventName": record.kind,
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": "eu-west-1",
                "dynamodb": {
                    "ApproximateCreationDateTime": int(at),
                    "Keys": record.keys,
                    **({"NewImage": record.image} if record.image else {}),
                    "SequenceNumber": str(100_000_000_000_000_000_000 + number),
                    "SizeBytes": 200,
                    "StreamViewType": "NEW_IMAGE",
                },
                "eventSourceARN": _ACCOUNT.format("dynamodb", f"table/{table}/stream/2026"),
            }
            for number, record in records
        ]
    }


def schedule_event(rule: str) -> dict[str, Any]:
    """What EventBridge sends when a rule is due."""
    return {
        "version": "0",
        "id": "event",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-09-21T14:13:20Z",
        "region": "eu-west-1",
        "resources": [_ACCOUNT.format("events", f"rule/{rule}")],
        "detail": {},
    }
