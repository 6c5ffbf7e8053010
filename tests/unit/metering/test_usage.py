"""Usage as a fold of the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import UnknownTenant
from infermeter.metering.ids import Channel, derive_id
from infermeter.metering.ledger import LedgerEntry
from infermeter.metering.usage import Usage, fold, hour_of, hours
from infermeter.tenants.keys import TenantRecord
from tests.ports import NOW, Clock, MemoryKeys

few = st.integers(0, 5)


def charge(time_ms: int, **changes: object) -> LedgerEntry:
    plain = LedgerEntry(
        tenant="a",
        request_id=derive_id(time_ms, "seed"),
        key_id="k1",
        model="m",
        version="1",
        unit="row",
        units=1,
        rows=1,
        bytes_in=1,
        bytes_out=1,
        milliseconds=1,
        channel=Channel.HTTP,
        payload_hash="h",
        nonce="n",
        committed_ms=time_ms,
    )
    return replace(plain, **changes)


varied = st.fixed_dictionaries(
    {
        "tenant": st.sampled_from(["a", "b"]),
        "key_id": st.sampled_from(["k1", "k2"]),
        "model": st.sampled_from(["m", "n"]),
        "version": st.sampled_from(["1", "2"]),
        "unit": st.sampled_from(["row", "request"]),
        "units": few,
        "rows": few,
        "bytes_in": few,
        "bytes_out": few,
        "milliseconds": few,
    }
)
entries = st.lists(varied, max_size=12).map(
    lambda some: [charge(index, **changes) for index, changes in enumerate(some)]
)


@given(stream=entries, data=st.data())
def test_order_and_repetition_change_nothing(
    stream: list[LedgerEntry], data: st.DataObject
) -> None:
    repeated = stream + (data.draw(st.lists(st.sampled_from(stream))) if stream else [])
    assert fold(data.draw(st.permutations(repeated))) == fold(stream)


@given(entries)
def test_nothing_is_lost(stream: list[LedgerEntry]) -> None:
    rows = fold(stream)
    for name in ("units", "rows", "bytes_in", "bytes_out", "milliseconds"):
        total = sum(getattr(entry, name) for entry in stream)
        assert sum(getattr(row, name) for row in rows) == total
    assert sum(row.requests for row in rows) == len(stream)


@given(entries)
def test_there_is_one_row_for_each_key_model_version_and_unit(stream: list[LedgerEntry]) -> None:
    groups = [(row.tenant, row.key_id, row.model, row.version, row.unit) for row in fold(stream)]
    assert groups == sorted(set(groups))


def test_a_tenant_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownTenant, match="got 'nobody'"):
        Usage(HoursAsked(), MemoryKeys(), Clock()).rows("nobody")


class HoursAsked:
    """A ledger that holds the same entries in every hour, and remembers which were asked for."""

    def __init__(self, *entries: LedgerEntry) -> None:
        self.hours: list[str] = []
        self.entries = entries

    def committed(self, tenant: str, hour: str) -> tuple[LedgerEntry, ...]:
        self.hours.append(hour)
        return self.entries


def hours_asked(born: float, start: datetime | None = None) -> list[str]:
    keys, ledger = MemoryKeys(tenants={"a": TenantRecord("a", int(born))}), HoursAsked()
    Usage(ledger, keys, Clock()).rows("a", start)
    return ledger.hours


def test_the_month_is_asked_for_from_its_first_hour() -> None:
    asked = hours_asked(born=0)
    now = datetime.fromtimestamp(NOW, UTC)
    assert asked[0] == f"{now:%Y%m}0100"
    assert asked[-1] == f"{now + timedelta(hours=1):%Y%m%d%H}"


def test_nothing_is_asked_for_from_before_the_tenant() -> None:
    assert len(hours_asked(born=NOW)) == 3


def test_entries_before_the_start_are_left_out() -> None:
    keys = MemoryKeys(tenants={"a": TenantRecord("a", 0)})
    start = datetime.fromtimestamp(NOW - 60, UTC)
    before, after = charge(int(NOW - 61) * 1000), charge(int(NOW) * 1000)
    (row,) = Usage(HoursAsked(before, after), keys, Clock()).rows("a", start)
    assert row.requests == 1


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_lies_in_its_hour(time_ms: int) -> None:
    hour = datetime.strptime(hour_of(time_ms), "%Y%m%d%H").replace(tzinfo=UTC)
    assert 0 <= time_ms - hour.timestamp() * 1000 < 3_600_000


@pytest.mark.parametrize("offset", [0, 5.5])
def test_hours_are_those_of_utc_across_a_year(offset: float) -> None:
    zone = timezone(timedelta(hours=offset))
    start = datetime(2026, 12, 31, 23, 30, tzinfo=UTC).astimezone(zone)
    end = datetime(2027, 1, 1, 1, 0, tzinfo=UTC)
    assert list(hours(start, end)) == ["2026123123", "2027010100", "2027010101"]


def test_an_instant_has_one_hour() -> None:
    now = datetime(2026, 5, 5, 5, 5, tzinfo=UTC)
    assert list(hours(now, now)) == ["2026050505"]
