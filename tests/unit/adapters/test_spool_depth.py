"""The spool's depth, and that looking at it takes nothing away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import boto3
import pytest

from infermeter.adapters.spool_depth import SqsSpoolDepth
from infermeter.errors import StoreUnavailable
from infermeter.reconciliation.standing import Depth

if TYPE_CHECKING:
    from tests.cloud import Cloud


def test_an_empty_spool(cloud: Cloud) -> None:
    queue = cloud.resources.spool_queue
    assert SqsSpoolDepth(boto3.client("sqs"), queue).depth() == Depth(0, None)


def test_a_spool_keeps_what_was_looked_at(cloud: Cloud) -> None:
    client, queue = boto3.client("sqs"), cloud.resources.spool_queue
    before = int(time.time())
    for number in range(3):
        client.send_message(QueueUrl=queue, MessageBody=str(number))
    depth = SqsSpoolDepth(client, queue).depth()
    assert depth.waiting == 3
    assert depth.oldest_at is not None
    assert before <= depth.oldest_at <= time.time()
    got = client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert len(got) == 3


def test_what_is_in_the_consumers_hands_counts_and_is_not_touched(cloud: Cloud) -> None:
    client, queue = boto3.client("sqs"), cloud.resources.spool_queue
    client.send_message(QueueUrl=queue, MessageBody="one")
    (mine,) = client.receive_message(QueueUrl=queue, VisibilityTimeout=600)["Messages"]
    assert SqsSpoolDepth(client, queue).depth() == Depth(1, None)
    client.delete_message(QueueUrl=queue, ReceiptHandle=mine["ReceiptHandle"])
    assert SqsSpoolDepth(client, queue).depth() == Depth(0, None)


def test_a_spool_that_does_not_answer(cloud: Cloud) -> None:
    client, queue = boto3.client("sqs"), cloud.resources.spool_queue
    client.delete_queue(QueueUrl=queue)
    with pytest.raises(StoreUnavailable, match="spool"):
        SqsSpoolDepth(client, queue).depth()
