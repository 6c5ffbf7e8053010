"""The dead-letter queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infermeter.adapters.dead_letters import SqsDeadLetters
from infermeter.errors import StoreUnavailable

if TYPE_CHECKING:
    from tests.cloud import Cloud


@pytest.mark.parametrize("reason", ["why", "line\nline\x00", "", "x" * 5000])
def test_a_message_goes_on_with_its_reason(cloud: Cloud, reason: str) -> None:
    sqs, queue = cloud.wiring.clients.sqs(), cloud.resources.dead_letter_queue
    SqsDeadLetters(sqs, queue).send("body", reason=reason, message_id="m-1")
    (message,) = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
    attributes = {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}
    assert message["Body"] == "body"
    assert attributes["message_id"] == "m-1"
    assert attributes["reason"].isprintable()
    assert 0 < len(attributes["reason"]) <= 1000


def test_a_queue_that_is_gone_is_unavailable(cloud: Cloud) -> None:
    letters = SqsDeadLetters(cloud.wiring.clients.sqs(), cloud.resources.dead_letter_queue + "x")
    with pytest.raises(StoreUnavailable, match="dead-letter queue"):
        letters.send("body", reason="why", message_id="m-1")
