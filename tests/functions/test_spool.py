"""The spool's queue through the real handler, over moto."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from infermeter.metering.findings import FindingKind
from infermeter.metering.hours import hour_of
from infermeter.metering.ids import RequestId, derive_id
from infermeter.metering.sharding import ONE_SHARD, ShardChange, Sharding
from infermeter.tenants.accounts import Act
from infermeter.tenants.keys import TenantRecord
from tests.cloud import Cloud, Context
from tests.unit.metering.test_fold import charge

if TYPE_CHECKING:
    from types import ModuleType

    from infermeter.metering.ledger import LedgerEntry

OPAQUE = charge(request_id=RequestId("order#17/a", None))


@pytest.fixture
def spool(cloud: Cloud) -> ModuleType:
    return cloud.function("spool")


def spooled(cloud: Cloud, *entries: LedgerEntry) -> list[str]:
    """The bodies of the messages that the serving side sends."""
    assert cloud.wiring.spool is not None
    for entry in entries:
        cloud.wiring.spool.send(entry)
    answer = boto3.client("sqs").receive_message(
        QueueUrl=cloud.resources.spool_queue, MaxNumberOfMessages=10
    )
    return [message["Body"] for message in answer["Messages"]]


def deliver(spool: ModuleType, *bodies: str) -> list[str]:
    """The ids of the messages to redeliver; the first message's id is m0."""
    records = [
        {
            "messageId": f"m{index}",
            "receiptHandle": "r",
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        for index, body in enumerate(bodies)
    ]
    answer = spool.handler({"Records": records}, Context())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@pytest.mark.parametrize("entry", [charge(), OPAQUE])
def test_what_was_spooled_long_ago_is_put_under_its_id_now(
    cloud: Cloud, spool: ModuleType, entry: LedgerEntry
) -> None:
    before_ms = int(time.time() * 1000)
    (body,) = spooled(cloud, entry)
    assert deliver(spool, body) == deliver(spool, body) == []
    (standing,) = cloud.wiring.ledger.of_request("a", entry.request_id)
    assert (standing.units, standing.nonce) == (entry.units, entry.nonce)
    assert standing.committed_ms >= before_ms
    (item,) = cloud.ledger_items()
    assert item["g1pk"]["S"] == f"L#a#{hour_of(standing.committed_ms)}#0"


def test_what_was_spooled_before_a_change_of_shards_lies_where_its_ids_hour_has_it(
    cloud: Cloud, spool: ModuleType
) -> None:
    now_ms = int(time.time() * 1000)
    day_ms = 24 * 3600 * 1000
    then = derive_id(now_ms - day_ms, "x")
    entry = charge(request_id=then, committed_ms=now_ms - day_ms, sharding=ONE_SHARD)
    changes = (ShardChange(hour_of(now_ms - 2 * day_ms), 16), ShardChange(hour_of(now_ms), 256))
    owner = TenantRecord("a", 1, sharding=Sharding(changes))
    cloud.wiring.keys.add_tenant(owner, Act("a", "test", "me", 1.0))
    (body,) = spooled(cloud, entry)
    assert deliver(spool, body) == []
    (item,) = cloud.ledger_items()
    byte, hour = int(then.sha256()[:2], 16), hour_of(int(item["ct"]["N"]))
    assert item["pk"]["S"] == f"L#a#{hour_of(now_ms - day_ms)}#{byte % 16}"
    assert item["g1pk"]["S"] == f"L#a#{hour}#{byte}"


def test_what_must_wait_comes_again_soon_and_then_ever_later(
    cloud: Cloud, spool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = []
    monkeypatch.setattr(
        type(spool.wiring.spool_queue),
        "return_in",
        lambda _, receipt, seconds: pauses.append((receipt, seconds)),
    )
    (body,) = spooled(cloud, charge(1))
    assert deliver(spool, "not JSON", body) == ["m0"]
    assert pauses == [("r", 5)]
    assert [spool.pause_s(received) for received in (1, 2, 3, 50)] == [5, 10, 20, 300]


def test_a_pause_that_cannot_be_set_is_the_queues_own(cloud: Cloud, spool: ModuleType) -> None:
    assert deliver(spool, "not JSON") == ["m0"]


def test_each_message_fails_alone(
    cloud: Cloud, spool: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    (body,) = spooled(cloud, charge(1))
    assert deliver(spool, "not JSON", body) == ["m0"]
    assert len(cloud.ledger_items()) == 1
    told = [each for each in caplog.records if each.message == "spooled entry"]
    assert [(each.levelname, each.spooled["fate"]) for each in told] == [
        ("ERROR", "malformed"),
        ("INFO", "put"),
    ]


def test_another_payload_under_the_id_is_found_and_not_charged(
    cloud: Cloud, spool: ModuleType
) -> None:
    bodies = spooled(cloud, charge(), charge(payload_hash="other", nonce="other"))
    assert deliver(spool, *sorted(bodies)) == []
    assert len(cloud.ledger_items()) == 1
    (found,) = cloud.wiring.findings.of_kind(FindingKind.CONFLICT, 0, 2**33)
    assert found.details["request_id"] == charge().request_id.text


def test_a_ledger_that_does_not_answer_has_it_delivered_again(
    cloud: Cloud, spool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="ledger")

    (body,) = spooled(cloud, charge())
    client = spool.consumer._ledger._client
    with monkeypatch.context() as patched:
        patched.setattr(client, "put_item", refuse)
        assert deliver(spool, body) == ["m0"]
    assert cloud.ledger_items() == []
    assert deliver(spool, body) == []
    assert len(cloud.ledger_items()) == 1
