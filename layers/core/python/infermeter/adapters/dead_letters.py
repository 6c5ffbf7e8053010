"""The dead-letter queue, for messages that can never be answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.adapters.clients import translated

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# SQS caps an attribute with the message's own size; a reason is a sentence.
_REASON_CHARACTERS = 1000


class SqsDeadLetters:
    """Sends a message on as it came, with the reason and its id as attributes."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client, self._queue_url = client, queue_url

    def send(self, body: str, *, reason: str, message_id: str) -> None:
        """Raises StoreUnavailable when the queue does not take it."""
        attributes = {"reason": _printable(reason)[:_REASON_CHARACTERS], "message_id": message_id}
        with translated("dead-letter queue"):
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=body,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in attributes.items()
                },
            )


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text) or "(none)"
