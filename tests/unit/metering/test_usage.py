"""Usage: sealed hours from their rows, open ones from the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import UnknownTenant
from infermeter.metering.fold import UsageKey, UsageRow, fold
from infermeter.metering.hours import HOUR_FORMAT, after, hour_of, start_of
from infermeter.metering.ledger import Kind
from infermeter.metering.measures import NOTHING, Quantities
from infermeter.metering.seal import Seal
from infermeter.metering.usage import Dimension, Usage, UsageQuery
from infermeter.metering.windows import Period, Window, month_period
from infermeter.tenants.keys import TenantRecord
from tests.ports import NOW, Clock, MemoryKeys, MemoryLedger
from tests.ports_metering import MemoryUsage
from tests.unit.metering.test_fold import charge

if TYPE_CHECKING:
    from infermeter.metering.ledger import LedgerEntry
    from infermeter.metering.usage import Used

HOUR = hour_of(int(NOW * 1000))
PERIOD = Period(after(HOUR, -6), after(HOUR))


def at(hours_ago: int, number: int = 0, **changes: Any) -> LedgerEntry:
    """A charge committed so many hours ago."""
    time = int((NOW - 3600 * hours_ago) * 1000)
    return replace(charge(1000 * hours_ago + number), committed_ms=time, **changes)


@dataclass
class Meter:
    """A ledger whose hours can be sealed, and usage over it."""

    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    store: MemoryUsage = field(default_factory=MemoryUsage)
    born: float = 0

    def __post_init__(self) -> None:
        keys = MemoryKeys(owners={"a": TenantRecord("a", int(self.born))})
        self.usage = Usage(self.ledger, self.store, keys, Clock())

    def charged(self, *entries: LedgerEntry) -> Meter:
        for entry in entries:
            assert self.ledger.put(entry) is None
        return self

    def sealed(self, until: str, since: str = PERIOD.start) -> Meter:
        """Seals the hours, as the fold does."""
        self.store.watermarks["a"] = since
        for each in Period(since, until).split(Window.HOUR):
            folded = fold("a", each.start, self.ledger.committed("a", each.start))
            assert self.store.seal(Seal("a", each.start, folded.summary, 0), folded.rows)
        return self

    def ask(self, period: Period = PERIOD, **asked: Any) -> list[Used]:
        query = UsageQuery("a", period, **asked)
        return list(self.usage.used(query, self.usage.watermark("a")))


def test_a_tenant_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownTenant, match="got 'nobody'"):
        Usage(MemoryLedger(), MemoryUsage(), MemoryKeys(), Clock()).rows("nobody")


def test_a_row_is_final_once_all_its_hours_are_sealed() -> None:
    meter = Meter().charged(at(0), at(1), at(2)).sealed(after(HOUR, -1))
    hourly = meter.ask(window=Window.HOUR)
    assert [(row.period.start, row.final) for row in hourly] == [
        (after(HOUR, -2), True),
        (after(HOUR, -1), False),
        (HOUR, False),
    ]
    assert [row.final for row in meter.ask()] == [False]
    assert [row.final for row in meter.ask(Period(PERIOD.start, after(HOUR, -1)))] == [True]


def test_sealed_hours_are_not_asked_of_the_ledger() -> None:
    meter = Meter().charged(at(2), at(1)).sealed(after(HOUR, -1))
    meter.ledger.entries.clear()
    (row,) = meter.ask()
    assert row.quantities.units == 1


def test_rows_that_a_dead_run_left_of_an_open_hour_are_not_counted() -> None:
    meter = Meter().charged(at(1)).sealed(after(HOUR, -1))
    folded = fold("a", after(HOUR, -1), meter.ledger.committed("a", after(HOUR, -1)))
    meter.store.kept_rows["a", after(HOUR, -1)] = list(folded.rows)
    (row,) = meter.ask()
    assert row.quantities.requests == 1


def test_what_came_after_the_seal_is_not_in_the_sealed_hour() -> None:
    meter = Meter().charged(at(2)).sealed(after(HOUR, -1)).charged(at(2, 1))
    (row,) = meter.ask()
    assert row.quantities.requests == 1


def test_a_void_takes_its_request_away() -> None:
    correction = {"kind": Kind.ADJUSTMENT, "requests": -1, "units": -1, "rows": -1}
    (row,) = Meter().charged(at(1), at(1, 1), at(1, **correction)).ask()
    assert (row.quantities.requests, row.quantities.units) == (1, 1)


def test_units_of_different_kinds_are_never_added() -> None:
    meter = Meter().charged(at(1, unit="row"), at(1, 1, unit="token"))
    assert [row.group.unit for row in meter.ask(dimensions=())] == ["row", "token"]


@pytest.mark.parametrize(
    ("dimension", "change"),
    [
        (Dimension.KEY, {"key_id": "k2"}),
        (Dimension.MODEL, {"model": "n"}),
        (Dimension.VERSION, {"version": "2"}),
        (Dimension.PRICE, {"price": "pro:1"}),
    ],
)
def test_rows_are_told_apart_by_what_is_asked_for(dimension: Dimension, change: Any) -> None:
    meter = Meter().charged(at(1), at(1, 1, **change))
    assert len(meter.ask(dimensions=(dimension,))) == 2
    (row,) = meter.ask(dimensions=())
    assert row.quantities.units == 2
    assert set(row.group) == {"", "row"}


def test_models_that_a_key_may_not_see_are_left_out() -> None:
    meter = Meter().charged(at(1), at(1, 1, model="n"))
    assert [row.group.model for row in meter.ask(shown=lambda model: model == "n")] == ["n"]


def test_the_ends_of_a_period_cut_its_windows() -> None:
    meter = Meter().charged(at(0), at(5))
    period = Period(after(HOUR, -2), after(HOUR))
    (row,) = meter.ask(period, window=Window.MONTH)
    assert (row.period, row.quantities.units) == (period, 1)


def test_until_now_is_until_the_hour_that_clocks_may_be_ahead_in() -> None:
    (row,) = Meter().charged(at(-1), at(0)).usage.rows("a")
    assert row.quantities.units == 2


def hours_asked(born: float, period: Period) -> list[str]:
    meter, asked = Meter(born=born), []
    committed = meter.ledger.committed
    meter.ledger.committed = lambda tenant, hour: asked.append(hour) or committed(tenant, hour)  # type: ignore[method-assign]
    meter.ask(period)
    return asked


def test_nothing_is_asked_for_that_cannot_be_there() -> None:
    month = month_period(HOUR[:6])
    assert hours_asked(NOW, month) == [after(HOUR, -1), HOUR, after(HOUR)]
    assert hours_asked(0, month)[0] == month.start
    forgotten = hours_asked(0, Period(after(HOUR, -2000), after(HOUR)))
    assert len(forgotten) == 35 * 24 + 1


quantities = st.builds(Quantities, *[st.integers(-3, 9)] * 7)
keys = st.builds(
    UsageKey,
    key_id=st.sampled_from(["k1", "k2"]),
    model=st.sampled_from(["m", "n"]),
    version=st.sampled_from(["1", "2"]),
    unit=st.sampled_from(["row", "token"]),
    price=st.sampled_from(["", "pro:1"]),
)
BORN = start_of("2026010100")
usage_rows = st.dictionaries(
    st.tuples(st.integers(0, 24 * 100), keys), quantities, max_size=20
).map(
    lambda some: [
        UsageRow("a", (BORN + timedelta(hours=n)).strftime(HOUR_FORMAT), key, each)
        for (n, key), each in some.items()
    ]
)
queries = st.builds(
    UsageQuery,
    tenant=st.just("a"),
    period=st.tuples(st.integers(0, 2400), st.integers(1, 2400)).map(
        lambda ends: Period(after("2026010100", ends[0]), after("2026010100", sum(ends)))
    ),
    window=st.sampled_from(Window),
    dimensions=st.sets(st.sampled_from(Dimension)).map(tuple),
)


def recorded(rows: list[UsageRow]) -> Meter:
    """A meter whose hours are all sealed, with these rows."""
    meter = Meter()
    for row in rows:
        meter.store.kept_rows.setdefault(("a", row.hour), []).append(row)
    meter.store.watermarks["a"] = "2027010100"
    return meter


def total(rows: list[Any]) -> Quantities:
    result = NOTHING
    for row in rows:
        result = result.plus(row.quantities)
    return result


@given(usage_rows, queries)
def test_however_it_is_grouped_nothing_is_lost_or_counted_twice(
    rows: list[UsageRow], query: UsageQuery
) -> None:
    meter, period = recorded(rows), query.period
    found = list(meter.usage.used(query, meter.usage.watermark("a")))
    assert total(found) == total([r for r in rows if period.start <= r.hour < period.end])
    assert [row.place for row in found] == sorted({row.place for row in found})
    assert all(row.final for row in found)


@given(usage_rows, queries, st.integers(0, 20))
def test_what_lies_beyond_a_row_is_the_rest(
    rows: list[UsageRow], query: UsageQuery, count: int
) -> None:
    meter = recorded(rows)
    found = list(meter.usage.used(query, "2027010100"))
    seen = found[:count]
    beyond = seen[-1].place if seen else None
    rest = list(meter.usage.used(replace(query, beyond=beyond), "2027010100"))
    assert seen + rest == found


def test_a_month_is_read_only_when_it_is_come_to() -> None:
    rows = [
        UsageRow("a", f"2026{month:02}0100", UsageKey("k", "m", "1", "row", ""), NOTHING)
        for month in (1, 2, 3)
    ]
    meter, asked = recorded(rows), []
    kept = meter.store.rows
    meter.store.rows = lambda *place: asked.append(place) or kept(*place)  # type: ignore[method-assign]
    query = UsageQuery("a", Period("2026010100", "2026040100"), Window.HOUR)
    assert next(meter.usage.used(query, "2027010100")).period.start == "2026010100"
    assert asked == [("a", "2026010100", "2026020100")]


def test_the_month_begins_with_its_first_hour() -> None:
    now = datetime.fromtimestamp(NOW, UTC)
    (row,) = Meter().charged(at(0)).usage.rows("a")
    assert row.period == month_period(f"{now:%Y%m}")
