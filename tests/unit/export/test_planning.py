"""The plan: what is sent of each hour, and what is carried to the next."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.export.configuration import Account, Meter, Target, TargetKind
from infermeter.export.files import CsvFiles
from infermeter.export.marketplace import Marketplace
from infermeter.export.openmeter import OpenMeter
from infermeter.export.planning import Step, steps, sums
from infermeter.export.stripe import Stripe
from infermeter.metering.fold import UsageKey, UsageRow
from infermeter.metering.hours import after
from infermeter.metering.measures import Measure, Quantities
from tests.ports import Clock
from tests.ports_export import FIRST, SEAL_S, START, MemoryUsage

if TYPE_CHECKING:
    from infermeter.export.outbox import Progress, Row
    from infermeter.export.vendors import Terms

TARGET = Target("there", TargetKind.STRIPE)
ACCOUNT = Account("acme", "there", "cus_acme", FIRST)
ROWS = Meter("rows", Measure.ROW)
TERMS = [vendor.terms for vendor in (OpenMeter, Stripe, Marketplace, CsvFiles)]
HOUR_S = 3600


def usage(units: list[int], *, hours: int | None = None) -> MemoryUsage:
    """Net units by hour, sealed up to now."""
    clock = Clock(START + (len(units) if hours is None else hours) * HOUR_S + SEAL_S)
    found = MemoryUsage(clock)
    for number, net in enumerate(units):
        if net:
            found.add("acme", after(FIRST, number), net)
    return found


def plan(
    sealed: MemoryUsage, terms: Terms, progress: Progress | None = None, now: float | None = None
) -> list[Step]:
    at = sealed.clock() if now is None else now
    return list(steps(TARGET, ACCOUNT, (ROWS,), terms, progress, sealed, at))


def rows_of(planned: list[Step]) -> list[Row]:
    return [row for step in planned for row in step.rows]


def test_a_debit_is_carried_to_the_hours_that_can_bear_it() -> None:
    planned = plan(usage([5, -7, 4, 6]), Stripe.terms)
    assert [(row.hour[-2:], row.quantity) for row in rows_of(planned)] == [("12", 5), ("15", 3)]
    assert planned[-1].progress.carry == {}
    assert planned[-1].progress.planned == after(FIRST, 4)


def test_a_debit_that_nothing_follows_stays_in_the_carry() -> None:
    planned = plan(usage([5, -7]), Stripe.terms)
    assert [row.quantity for row in rows_of(planned)] == [5]
    assert planned[-1].progress.carry == {"rows": -7}


def test_who_takes_debits_gets_them_in_their_hour() -> None:
    assert [row.quantity for row in rows_of(plan(usage([5, -7]), OpenMeter.terms))] == [5, -7]


def test_an_hour_that_a_vendor_takes_no_more_goes_to_the_next_that_it_takes() -> None:
    # Seven hours after the first one began, Marketplace is sent those of the last five.
    planned = plan(usage([1, 2, 4, 8, 16, 32, 64]), Marketplace.terms)
    assert [(row.hour[-2:], row.quantity) for row in rows_of(planned)] == [
        ("15", 15),
        ("16", 16),
        ("17", 32),
        ("18", 64),
    ]


def test_late_usage_waits_for_no_further_usage() -> None:
    (row,) = rows_of(plan(usage([9], hours=8), Marketplace.terms))
    assert (row.hour, row.quantity) == (after(FIRST, 4), 9)


def test_a_quantity_above_the_largest_is_divided() -> None:
    rows = rows_of(plan(usage([2**31 + 4], hours=2), Marketplace.terms))
    assert [row.quantity for row in rows] == [2**31 - 1, 5]


def test_open_hours_are_not_planned() -> None:
    sealed = usage([5, 7], hours=1)
    assert [row.quantity for row in rows_of(plan(sealed, Stripe.terms))] == [5]


def test_an_hour_before_the_account_begins_is_not_planned() -> None:
    sealed = usage([5, 7])
    account = Account("acme", "there", "cus_acme", after(FIRST))
    found = steps(TARGET, account, (ROWS,), Stripe.terms, None, sealed, sealed.clock())
    assert [row.quantity for row in rows_of(list(found))] == [7]


def test_a_file_is_made_of_an_hour_that_comes_to_nothing() -> None:
    sealed = usage([5])
    sealed.add("acme", FIRST, -5, model="other")
    assert [row.quantity for row in rows_of(plan(sealed, CsvFiles.terms))] == [0]
    assert rows_of(plan(sealed, Stripe.terms)) == []


def test_empty_hours_are_passed_in_one_step() -> None:
    (step,) = plan(usage([], hours=500), Stripe.terms)
    assert step.rows == ()
    assert step.progress.planned == after(FIRST, 500)


def test_identities_differ_by_deployment_target_tenant_hour_and_meter() -> None:
    ids = Counter(row.payload_id for row in rows_of(plan(usage([1, 1, 1]), Stripe.terms)))
    other = Target("there", TargetKind.STRIPE, source="staging")
    sealed = usage([1, 1, 1])
    twin = steps(other, ACCOUNT, (ROWS,), Stripe.terms, None, sealed, sealed.clock())
    ids.update(row.payload_id for row in rows_of(list(twin)))
    assert len(ids) == 6


nets = st.lists(st.integers(-50, 50), max_size=30)


@pytest.mark.parametrize("terms", TERMS)
@given(units=nets, waits=st.lists(st.integers(0, 3), max_size=30))
def test_sums_of_rows_and_carry_are_those_of_the_hours(
    terms: Terms, units: list[int], waits: list[int]
) -> None:
    """Whenever the plan runs, and however late."""
    sealed = usage(units, hours=0)
    progress, rows = None, []
    for wait in [*waits, len(units) + 1]:
        sealed.clock.now += wait * HOUR_S
        planned = plan(sealed, terms, progress)
        rows += rows_of(planned)
        progress = planned[-1].progress if planned else progress
    assert progress is not None
    assert sum(row.quantity for row in rows) + progress.carry.get("rows", 0) == sum(units)
    assert len({(row.hour, row.meter) for row in rows}) == len(rows)
    if not terms.negatives:
        assert all(row.quantity > 0 for row in rows)
        assert all(row.quantity <= terms.largest for row in rows)


@given(units=nets, stops=st.sets(st.integers(0, 30)))
def test_a_plan_made_in_parts_is_the_plan_made_at_once(units: list[int], stops: set[int]) -> None:
    whole = rows_of(plan(usage(units), Stripe.terms))
    sealed, progress, parts = usage(units), None, []
    end = sealed.clock.now
    for stop in [*sorted(stops), len(units)]:
        sealed.clock.now = min(START + stop * HOUR_S + SEAL_S, end)
        planned = plan(sealed, Stripe.terms, progress)
        progress = planned[-1].progress if planned else progress
        parts += rows_of(planned)
    assert parts == whole


def row(model: str, unit: str, hour: str = FIRST, **quantities: int) -> UsageRow:
    return UsageRow("acme", hour, UsageKey("k", model, "1", unit, ""), Quantities(**quantities))


def test_a_meter_counts_its_measure_of_its_models() -> None:
    used = [
        row("chat-small", "token", tokens=7, requests=1, bytes_in=3, bytes_out=4),
        row("chat-large", "token", tokens=11, requests=2),
        row("tabular", "row", rows=100, requests=4),
    ]
    meters = [
        Meter("tokens", Measure.TOKEN, model="chat-*", unit="token"),
        Meter("large", Measure.TOKEN, model="chat-large"),
        Meter("requests", Measure.REQUEST),
        Meter("bytes", Measure.BYTE, model="chat-small"),
        Meter("none", Measure.ROW, model="image-*"),
        Meter("new", Measure.REQUEST, start=after(FIRST)),
    ]
    assert sums(used, meters) == {"tokens": 18, "large": 11, "requests": 7, "bytes": 7}
