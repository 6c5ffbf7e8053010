"""The ledger table's rows, as metering says them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from infermeter.adapters.ledger import DynamoLedger
from infermeter.errors import LedgerUnavailable, StoreUnavailable
from infermeter.metering.hours import hour_of
from infermeter.metering.ids import LEDGER_TTL_S, Channel, RequestId, derive_id
from infermeter.metering.ledger import Kind, LedgerEntry
from infermeter.metering.sharding import ONE_SHARD, ShardChange, Sharding
from infermeter.tenants.accounts import Act
from infermeter.tenants.keys import TenantRecord
from tests.ports import Clock

if TYPE_CHECKING:
    from tests.cloud import Cloud

NOW_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
TIMED = LedgerEntry(
    tenant="acme",
    request_id=derive_id(NOW_MS, "seed"),
    key_id="AAAABBBBCCCC",
    model="linear",
    version="1",
    unit="row",
    units=3,
    rows=3,
    bytes_in=100,
    bytes_out=200,
    milliseconds=5,
    channel=Channel.HTTP,
    payload_hash="0" * 32,
    nonce="f" * 32,
    committed_ms=NOW_MS,
    gateway_id="gateway",
)
OPAQUE = replace(TIMED, request_id=RequestId("order#17/a", None))
LATE = replace(TIMED, request_id=derive_id(NOW_MS - HOUR_MS, "seed"))


@pytest.fixture
def ledger(cloud: Cloud) -> DynamoLedger:
    cloud.wiring.clock = lambda: NOW_MS / 1000
    return cloud.wiring.ledger


def row(cloud: Cloud, entry: LedgerEntry) -> dict:
    cloud.wiring.clock = lambda: entry.committed_ms / 1000
    cloud.wiring.ledger.put(entry)
    (item,) = cloud.ledger_items()
    return {name: next(iter(value.values())) for name, value in item.items()}


def test_an_entry_lies_in_its_ids_hour(cloud: Cloud) -> None:
    item = row(cloud, TIMED)
    digest = hashlib.sha256(TIMED.request_id.text.encode()).hexdigest()
    assert item["pk"] == f"L#acme#{hour_of(NOW_MS)}#0"
    assert item["sk"] == f"{digest[:8]}#{TIMED.request_id.text}"
    assert "g1pk" not in item


def test_an_entry_of_an_earlier_id_is_indexed_by_its_commit_hour(cloud: Cloud) -> None:
    item = row(cloud, LATE)
    assert item["pk"] == f"L#acme#{hour_of(NOW_MS - HOUR_MS)}#0"
    assert item["g1pk"] == f"L#acme#{hour_of(NOW_MS)}#0"


def test_an_opaque_entry_lies_under_its_ids_hash(cloud: Cloud) -> None:
    item = row(cloud, OPAQUE)
    digest = hashlib.sha256(b"order#17/a").hexdigest()
    assert item["pk"] == f"O#acme#{digest[:2]}"
    assert item["sk"] == f"{digest[:8]}#order#17/a"
    assert item["g1pk"] == f"L#acme#{hour_of(NOW_MS)}#0"


def test_an_entry_expires_after_thirty_five_days(cloud: Cloud) -> None:
    assert int(row(cloud, TIMED)["ex"]) == NOW_MS // 1000 + 35 * 24 * 3600
    assert LEDGER_TTL_S == 35 * 24 * 3600


def test_an_entry_is_a_charge_with_its_commit_time(cloud: Cloud) -> None:
    item = row(cloud, TIMED)
    assert (item["t"], item["ct"], item["ch"]) == ("chg", str(NOW_MS), "http")


def test_the_usual_entry_is_small(cloud: Cloud) -> None:
    assert sum(len(name) + len(value) for name, value in row(cloud, TIMED).items()) < 350


def write_units(item: dict[str, str]) -> int:
    """By the kilobyte, for the table and once more for the index that takes it. (moto counts each
    put as one.)"""
    size = sum(len(name.encode()) + len(value.encode()) for name, value in item.items())
    return -(-size // 1024) * (2 if "g1pk" in item else 1)


LARGE = {"tenant": "t" * 64, "model": "m" * 64, "units": 10**9, "rows": 10**9, "bytes_in": 10**9}


@pytest.mark.parametrize(
    ("entry", "units"),
    [
        (TIMED, 1),
        (replace(TIMED, **LARGE), 1),
        (LATE, 2),
        (OPAQUE, 2),
        (replace(OPAQUE, **LARGE, request_id=RequestId("x" * 128, None)), 2),
    ],
)
def test_a_put_costs_one_write_unit_and_two_where_its_id_is_of_another_hour(
    cloud: Cloud, entry: LedgerEntry, units: int
) -> None:
    assert write_units(row(cloud, entry)) == units


CARRY = replace(TIMED, kind=Kind.CARRY, number=2, reason="late")
ADJUSTMENT = replace(OPAQUE, kind=Kind.ADJUSTMENT, number=3, units=-3, requests=-1, reason="why")


@pytest.mark.parametrize(
    "entry", [TIMED, OPAQUE, LATE, replace(TIMED, gateway_id=""), CARRY, ADJUSTMENT]
)
def test_a_second_put_is_given_the_standing_entry(ledger: DynamoLedger, entry: LedgerEntry) -> None:
    assert ledger.put(entry) is None
    assert ledger.put(replace(entry, nonce="another", units=99)) == entry


def test_a_second_put_changes_nothing(cloud: Cloud) -> None:
    before = row(cloud, TIMED)
    assert row(cloud, replace(TIMED, units=99, nonce="another")) == before


def test_an_hour_has_what_was_committed_in_it(ledger: DynamoLedger) -> None:
    ahead = replace(TIMED, request_id=derive_id(NOW_MS, "b"), committed_ms=NOW_MS + HOUR_MS)
    for entry in (TIMED, OPAQUE, LATE, ahead):
        ledger.put(entry)
    found = list(ledger.committed("acme", hour_of(NOW_MS)))
    assert sorted(entry.request_id.text for entry in found) == sorted(
        entry.request_id.text for entry in (TIMED, OPAQUE, LATE)
    )
    assert list(ledger.committed("acme", hour_of(NOW_MS + HOUR_MS))) == [ahead]


def test_what_has_expired_is_gone_though_the_table_has_not_deleted_it(cloud: Cloud) -> None:
    # The charge's last day, in which an adjustment of it may be deleted first: it would be whole.
    adjustment = replace(TIMED, kind=Kind.ADJUSTMENT, committed_ms=NOW_MS + 1)
    clock = Clock(NOW_MS / 1000)
    ledger = DynamoLedger(
        cloud.wiring.clients.dynamodb(),
        cloud.wiring.resources.ledger_table,
        lambda _: ONE_SHARD,
        clock,
    )
    for entry in (TIMED, adjustment):
        assert ledger.put(entry) is None
    clock.now += LEDGER_TTL_S
    assert ledger.of_request("acme", TIMED.request_id) == [adjustment]
    assert list(ledger.committed("acme", hour_of(NOW_MS))) == [adjustment]


def test_tenants_are_apart(ledger: DynamoLedger) -> None:
    ledger.put(OPAQUE)
    ledger.put(replace(OPAQUE, tenant="acme2"))
    (found,) = ledger.committed("acme", hour_of(NOW_MS))
    assert found == OPAQUE


def test_a_request_has_what_concerns_it(ledger: DynamoLedger) -> None:
    others = replace(TIMED, request_id=derive_id(NOW_MS, "b"))
    opaque = [OPAQUE, ADJUSTMENT, replace(OPAQUE, kind=Kind.CARRY)]
    longer = replace(OPAQUE, request_id=RequestId("order#17/a#3", None))
    for entry in (TIMED, CARRY, others, *opaque, longer):
        assert ledger.put(entry) is None
    assert ledger.of_request("acme", TIMED.request_id) == [TIMED, CARRY]
    assert ledger.of_request("acme", OPAQUE.request_id) == opaque
    assert ledger.of_request("other", TIMED.request_id) == []


@pytest.mark.parametrize(("age_s", "sent"), [(-300, True), (60, True), (60.001, False)])
def test_a_put_is_not_begun_over_a_minute_after_its_commit_time(
    cloud: Cloud, age_s: float, sent: bool
) -> None:
    cloud.wiring.clock = lambda: NOW_MS / 1000 + age_s
    try:
        cloud.wiring.ledger.put(TIMED)
    except LedgerUnavailable:
        assert not sent
    assert len(cloud.ledger_items()) == int(sent)


def test_an_item_that_is_no_entry_is_not_left_out(cloud: Cloud, ledger: DynamoLedger) -> None:
    hour = hour_of(NOW_MS)
    cloud.wiring.clients.dynamodb().put_item(
        TableName="ledger", Item={"pk": {"S": f"L#acme#{hour}#0"}, "sk": {"S": "x"}}
    )
    with pytest.raises(StoreUnavailable, match="expected an entry at"):
        list(ledger.committed("acme", hour))


SIXTEEN = Sharding((ShardChange(hour_of(NOW_MS), 16), ShardChange(hour_of(NOW_MS + HOUR_MS), 256)))


@pytest.fixture
def divided(cloud: Cloud) -> DynamoLedger:
    """The ledger of a tenant that has 16 shards from this hour on, and 256 from the next."""
    owner = TenantRecord("acme", 1, sharding=SIXTEEN)
    cloud.wiring.keys.add_tenant(owner, Act("acme", "test", "me", 1.0))
    cloud.wiring.clock = lambda: NOW_MS / 1000
    return cloud.wiring.ledger


def byte_of(entry: LedgerEntry) -> int:
    return hashlib.sha256(entry.request_id.text.encode()).digest()[0]


@pytest.mark.parametrize("known", [SIXTEEN, None])
def test_an_entry_lies_in_the_shard_of_its_ids_hour(
    cloud: Cloud, divided: DynamoLedger, known: Sharding | None
) -> None:
    entry = replace(TIMED, sharding=known)
    assert divided.put(entry) is None
    (item,) = cloud.ledger_items()
    assert item["pk"]["S"] == f"L#acme#{hour_of(NOW_MS)}#{byte_of(TIMED) % 16}"
    assert "g1pk" not in item


def test_of_two_hours_the_bucket_is_the_ids_and_the_index_the_commits(
    cloud: Cloud, divided: DynamoLedger
) -> None:
    for entry in (LATE, replace(TIMED, committed_ms=NOW_MS + HOUR_MS), OPAQUE):
        assert divided.put(entry) is None
    late, ahead, opaque = (
        next(item for item in cloud.ledger_items() if entry.request_id.text in item["sk"]["S"])
        for entry in (LATE, TIMED, OPAQUE)
    )
    now, then = hour_of(NOW_MS), hour_of(NOW_MS + HOUR_MS)
    assert late["pk"]["S"] == f"L#acme#{hour_of(NOW_MS - HOUR_MS)}#0"
    assert late["g1pk"]["S"] == f"L#acme#{now}#{byte_of(LATE) % 16}"
    assert ahead["pk"]["S"] == f"L#acme#{now}#{byte_of(TIMED) % 16}"
    assert ahead["g1pk"]["S"] == f"L#acme#{then}#{byte_of(TIMED)}"
    assert opaque["pk"]["S"] == f"O#acme#{byte_of(OPAQUE):02x}"
    assert opaque["g1pk"]["S"] == f"L#acme#{now}#{byte_of(OPAQUE) % 16}"


def test_all_shards_of_an_hour_are_read_and_of_the_index(divided: DynamoLedger) -> None:
    entries = []
    for number in range(40):
        hour_ms = NOW_MS - HOUR_MS * (number % 3 - 1)
        timed = replace(TIMED, request_id=derive_id(hour_ms, str(number)))
        entries += [timed, replace(OPAQUE, request_id=RequestId(f"order-{number}", None))]
    later = [replace(each, committed_ms=NOW_MS + HOUR_MS, kind=Kind.CARRY) for each in entries]
    for entry in entries + later:
        assert divided.put(entry) is None
    for hour, expected in ((NOW_MS, entries), (NOW_MS + HOUR_MS, later)):
        found = {entry.identity: entry for entry in divided.committed("acme", hour_of(hour))}
        assert found == {entry.identity: entry for entry in expected}
    assert list(divided.committed("acme", hour_of(NOW_MS - HOUR_MS))) == []


def test_what_concerns_a_request_lies_in_its_shard(divided: DynamoLedger) -> None:
    about = [TIMED, replace(CARRY, committed_ms=NOW_MS + HOUR_MS)]
    for entry in about:
        assert divided.put(entry) is None
    assert divided.of_request("acme", TIMED.request_id) == about
    again = replace(TIMED, committed_ms=NOW_MS + HOUR_MS, nonce="another", sharding=SIXTEEN)
    assert divided.put(again) == TIMED


def test_what_says_where_it_lies_is_put_without_a_look_up() -> None:
    def unknown(_: str) -> Sharding:
        raise StoreUnavailable("control table: none")

    client: Any = Silent()
    ledger = DynamoLedger(client, "ledger", unknown, lambda: NOW_MS / 1000)
    assert ledger.put(replace(TIMED, sharding=ONE_SHARD)) is None
    with pytest.raises(LedgerUnavailable):
        ledger.put(TIMED)


class Silent:
    """A DynamoDB client that takes what is put."""

    def put_item(self, **_: object) -> None:
        pass


class Failing:
    """A DynamoDB client that fails in one way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def put_item(self, **_: object) -> None:
        raise self.error

    def get_paginator(self, _: str) -> Failing:
        return self

    def paginate(self, **_: object) -> None:
        raise self.error


def one_shard(client: Any) -> DynamoLedger:
    return DynamoLedger(client, "ledger", lambda _: ONE_SHARD, lambda: NOW_MS / 1000)


FAILURES = pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "PutItem"),
        ClientError({"Error": {"Code": "InternalServerError"}}, "PutItem"),
        ReadTimeoutError(endpoint_url="x"),
    ],
)


@FAILURES
def test_a_put_without_an_answer_is_unavailable(error: Exception) -> None:
    with pytest.raises(LedgerUnavailable, match="retry with the same Idempotency-Key"):
        one_shard(Failing(error)).put(TIMED)


@FAILURES
def test_a_read_without_an_answer_is_unavailable(error: Exception) -> None:
    with pytest.raises(StoreUnavailable, match="ledger table"):
        list(one_shard(Failing(error)).committed("acme", "2026010100"))
