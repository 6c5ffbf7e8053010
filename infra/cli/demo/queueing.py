"""A producer's batch on the queue: good messages, a bad tensor, and one that cannot be read."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from infra.cli.demo.errors import FellShort, expect
from infra.cli.demo.serving import classes_of, request_document

if TYPE_CHECKING:
    from infra.cli.demo.serving import Tally
    from infra.cli.target import Target

_PATIENCE_S = 60
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of the batch; `classes` by message in the order sent, one list each."""

    classes: list[list[int]]
    failed: str
    dead: str


def send_batch(
    target: Target,
    *,
    tenant: str,
    key_id: str,
    model: str,
    version: str,
    groups: list[list[list[float]]],
    name: str = "features",
) -> BatchOutcome:
    """Sends each group of rows as a message, with two bad ones among them, and waits for all.

    Raises FellShort when a result does not come, or is not what it must be.
    """
    payer = {"specversion": "1.0", "key_id": key_id, "model": model, "version": version}
    ids = [_id() for _ in groups]
    bad, unreadable = _id(), f"this is not an envelope {uuid.uuid4().hex}"
    bodies = [
        _envelope(payer, id_, request_document(rows, name))
        for id_, rows in zip(ids, groups, strict=True)
    ]
    bodies.insert(1, unreadable)
    bodies.insert(3, _envelope(payer, bad, request_document([groups[0][0][:-1]], name)))
    _send(target, tenant, bodies)
    results = [_wait_for_result(target, tenant, id_) for id_ in ids]
    expect(
        "status of the good messages",
        expected=["succeeded"] * len(ids),
        got=[result["status"] for result in results],
    )
    failed = _wait_for_result(target, tenant, bad)
    expect("status of the bad tensor", expected="failed", got=failed["status"])
    return BatchOutcome(
        classes=[classes_of(result["response"]["outputs"][0]) for result in results],
        failed=failed["error"],
        dead=_wait_for_dead_letter(target, unreadable),
    )


def count(tally: Tally, groups: list[list[list[float]]]) -> None:
    """Adds a served batch to the customer's tally."""
    for rows in groups:
        tally.add(len(rows))


def _id() -> str:
    """A UUIDv7: its first 48 bits are the time in milliseconds."""
    number = uuid.uuid4().int & ((1 << 80) - 1) | int(time.time() * 1000) << 80
    number = number & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=number & ~(0b11 << 62) | 0b10 << 62))


def _envelope(payer: dict[str, str], id_: str, request: dict[str, Any]) -> str:
    return json.dumps({**payer, "id": id_, "request": request})


def _send(target: Target, tenant: str, bodies: list[str]) -> None:
    answer = target.client("sqs").send_message_batch(
        QueueUrl=target.output("BatchQueueUrl"),
        Entries=[
            {"Id": str(index), "MessageBody": body, "MessageGroupId": tenant}
            for index, body in enumerate(bodies)
        ],
    )
    expect("messages that the queue refused", expected=[], got=answer.get("Failed", []))


def _wait_for_result(target: Target, tenant: str, id_: str) -> dict[str, Any]:
    client = target.client("s3")
    day = time.strftime("%Y/%m/%d", time.gmtime(int(id_.replace("-", "")[:12], 16) / 1000))
    key = f"{tenant}/{day}/{quote(id_, safe='')}.json"
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            body = client.get_object(Bucket=target.output("ResultsBucket"), Key=key)["Body"]
        except ClientError:
            time.sleep(_POLL_S)
            continue
        document: dict[str, Any] = json.loads(body.read())
        return document
    raise FellShort(f"result of message {id_}: expected within {_PATIENCE_S} s, got none")


def _wait_for_dead_letter(target: Target, body: str) -> str:
    """The reason that the message carries in the dead-letter queue; it is taken out."""
    client, url = target.client("sqs"), target.output("DeadLetterQueueUrl")
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        answer = client.receive_message(
            QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        for message in answer.get("Messages", []):
            if message["Body"] == body:
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                return message["MessageAttributes"]["reason"]["StringValue"]
    raise FellShort("the unreadable message: expected in the dead-letter queue, got none")
