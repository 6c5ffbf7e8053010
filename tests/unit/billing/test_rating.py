"""What a month's usage costs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.billing.currencies import rounded
from infermeter.billing.plans import Plan, Price, Tier
from infermeter.billing.rating import Line, LineKind, fee, pieces, rate
from infermeter.errors import UnknownPlan
from infermeter.metering.fold import UsageKey, UsageRow
from infermeter.metering.hours import after
from infermeter.metering.measures import Measure, Quantities

HOUR = "2026110100"
DIME, CENT = Decimal("0.10"), Decimal("0.01")
# Ten free, ninety at a dime, the rest at a cent.
TIERED = Price("*", Measure.UNIT, (Tier(100, DIME), Tier(None, CENT)), included=10)


def plan_of(*prices: Price, version: int = 1, **changes: Any) -> Plan:
    return replace(Plan("pro", version, "EUR", Decimal(0), prices), **changes)


def used(
    units: int, price: str = "pro:1", hour: int = 0, model: str = "m", **more: int
) -> UsageRow:
    key = UsageKey("k", model, "1", "row", price)
    return UsageRow("a", after(HOUR, hour), key, Quantities(units=units, **more))


def rated(rows: list[UsageRow], *plans: Plan) -> list[Line]:
    return rate(rows, {plan.reference: plan for plan in plans}.get)


def amounts(lines: list[Line]) -> list[tuple[int, Decimal]]:
    return [(line.quantity, line.amount) for line in lines]


def total(lines: list[Line]) -> Decimal:
    return sum((line.amount for line in lines), Decimal(0))


def test_each_tier_has_a_line_and_what_is_included_is_free() -> None:
    lines = rated([used(150)], plan_of(TIERED))
    assert amounts(lines) == [(10, Decimal(0)), (90, Decimal("9.00")), (50, Decimal("0.50"))]
    assert [(line.start, line.end) for line in lines] == [(0, 10), (10, 100), (100, None)]


@pytest.mark.parametrize(
    ("units", "due"),
    [(0, "0"), (10, "0"), (11, "0.10"), (100, "9.00"), (101, "9.01"), (-3, "-0.30")],
)
def test_the_edges_of_tiers(units: int, due: str) -> None:
    assert total(rated([used(units)], plan_of(TIERED))) == Decimal(due)


def test_what_is_included_may_reach_over_tiers() -> None:
    price = replace(TIERED, included=120)
    assert amounts(rated([used(150)], plan_of(price))) == [(120, Decimal(0)), (30, Decimal("0.30"))]


def test_a_new_version_goes_on_where_the_old_one_ended() -> None:
    dear = plan_of(replace(TIERED, tiers=(Tier(100, Decimal(1)), Tier(None, DIME))), version=2)
    rows = [used(60), used(60, "pro:2", hour=5)]
    lines = rated(rows, plan_of(TIERED), dear)
    assert amounts(lines) == [
        (10, Decimal(0)),
        (50, Decimal("5.00")),
        (40, Decimal("40.00")),
        (20, Decimal("2.00")),
    ]
    assert [line.price for line in lines] == ["pro:1", "pro:1", "pro:2", "pro:2"]


def test_versions_of_one_hour_follow_each_other_by_number() -> None:
    rows = [used(1, "pro:10"), used(1, "pro:9")]
    plans = plan_of(TIERED, version=9), plan_of(TIERED, version=10)
    assert [line.price for line in rated(rows, *plans)] == ["pro:9", "pro:10"]


def test_the_first_price_that_matches_counts_and_its_models_share_tiers() -> None:
    team = Price("team-*", Measure.UNIT, (Tier(10, DIME), Tier(None, CENT)))
    rest = Price("*", Measure.UNIT, (Tier(None, Decimal(1)),))
    rows = [used(6, model="team-a"), used(6, model="team-b"), used(1, model="other")]
    lines = rated(rows, plan_of(team, rest))
    assert amounts(lines) == [(10, Decimal(1)), (2, Decimal("0.02")), (1, Decimal(1))]
    assert [line.model for line in lines] == ["team-*", "team-*", "*"]


def test_every_measure_has_its_own_price() -> None:
    prices = [
        Price("*", Measure.REQUEST, (Tier(None, DIME),)),
        Price("*", Measure.BYTE, (Tier(None, CENT),)),
    ]
    lines = rated([used(7, requests=2, bytes_in=3, bytes_out=4)], plan_of(*prices))
    assert amounts(lines) == [(2, Decimal("0.20")), (7, Decimal("0.07"))]


def test_usage_without_a_price_is_listed_at_zero() -> None:
    priced = plan_of(Price("n", Measure.UNIT, (Tier(None, DIME),)))
    lines = rated([used(5, ""), used(6, "pro:1")], priced)
    assert [(line.kind, line.quantity, line.amount, line.currency) for line in lines] == [
        (LineKind.UNPRICED, 5, Decimal(0), ""),
        (LineKind.UNPRICED, 6, Decimal(0), "EUR"),
    ]


def test_usage_of_a_plan_that_is_not_stored_is_no_guess() -> None:
    with pytest.raises(UnknownPlan, match="pro:7"):
        rated([used(1, "pro:7")])


def test_what_one_version_gives_back_is_not_used_again_by_the_next() -> None:
    rows = [used(-5), used(20, "pro:2", hour=1)]
    lines = rated(rows, plan_of(TIERED), plan_of(TIERED, version=2))
    assert amounts(lines) == [(-5, Decimal("-0.50")), (10, Decimal(0)), (10, Decimal(1))]


@pytest.mark.parametrize(
    ("amount", "currency", "due"),
    [
        ("0.125", "EUR", "0.12"),
        ("0.135", "EUR", "0.14"),
        ("0.1251", "EUR", "0.13"),
        ("-0.125", "EUR", "-0.12"),
        ("2.5", "JPY", "2"),
        ("0.0005", "KWD", "0.000"),
        ("1", "USD", "1.00"),
    ],
)
def test_half_a_smallest_unit_goes_to_the_even_one(amount: str, currency: str, due: str) -> None:
    assert str(rounded(Decimal(amount), currency)) == due


def test_no_price_is_too_fine_and_no_quantity_too_large() -> None:
    price = Price("*", Measure.UNIT, (Tier(None, Decimal("123456789012.123456789012")),))
    (line,) = rated([used(10**15 + 1)], plan_of(price))
    # 123456789012.123456789012 * 1000000000000001, rounded
    assert str(line.amount) == "123456789012123580245801012.12"


def test_the_fee_is_a_line_in_the_plans_currency() -> None:
    line = fee(plan_of(monthly_fee=Decimal("49.9")))
    assert (line.kind, line.currency, str(line.amount)) == (LineKind.FEE, "EUR", "49.90")


decimals = st.decimals(0, 5, places=4)
measures = st.sampled_from([Measure.UNIT, Measure.REQUEST, Measure.BYTE])


@st.composite
def prices(draw: Any) -> Price:
    ends = sorted(draw(st.sets(st.integers(1, 60), max_size=3)))
    tiers = tuple(Tier(end, draw(decimals)) for end in [*ends, None])
    pattern = draw(st.sampled_from(["*", "m", "n", "team-*", "team-a"]))
    return Price(pattern, draw(measures), tiers, draw(st.integers(0, 40)))


def plans(version: int) -> st.SearchStrategy[Plan]:
    return st.lists(prices(), max_size=4).map(lambda some: plan_of(*some, version=version))


def rows(price: str, first_hour: int) -> st.SearchStrategy[list[UsageRow]]:
    each = st.builds(
        used,
        st.integers(-4, 30),
        price=st.just(price),
        hour=st.integers(first_hour, first_hour + 9),
        model=st.sampled_from(["m", "n", "team-a", "team-b"]),
        requests=st.integers(-1, 9),
        bytes_in=st.integers(0, 9),
        bytes_out=st.integers(0, 9),
    )
    return st.lists(each, max_size=8)


@given(prices(), st.integers(0, 80), st.integers(-80, 80))
def test_pieces_cost_what_their_places_cost_one_by_one(
    price: Price, place: int, quantity: int
) -> None:
    def cost(at: int) -> Decimal:
        """Of the one unit at a place, counted from zero."""
        if 0 <= at < price.included:
            return Decimal(0)
        return next(tier.price for tier in price.tiers if tier.up_to is None or at < tier.up_to)

    low, high = sorted((place, place + quantity))
    expected = sum((cost(at) for at in range(low, high)), Decimal(0))
    found = list(pieces(price, place, quantity))
    due = sum((piece.quantity * piece.price for piece in found), Decimal(0))
    assert due == (expected if quantity >= 0 else -expected)
    assert sum(piece.quantity for piece in found) == quantity


@given(plans(1), plans(2), rows("pro:1", 0), rows("pro:2", 10))
def test_usage_under_a_new_version_never_changes_the_old_lines(
    old: Plan, new: Plan, before: list[UsageRow], since: list[UsageRow]
) -> None:
    alone = rated(before, old, new)
    together = rated(before + since, old, new)
    assert together[: len(alone)] == alone
    assert all(line.price == "pro:2" for line in together[len(alone) :])


@given(plans(1), plans(2), rows("pro:1", 0), rows("pro:2", 10), st.randoms(use_true_random=False))
def test_however_usage_is_split_it_costs_the_same(
    old: Plan, new: Plan, before: list[UsageRow], since: list[UsageRow], random: Any
) -> None:
    whole = before + since
    parts = []
    for row in whole:
        part = Quantities(*(random.randint(-5, 5) for _ in row.quantities))
        parts += [
            replace(row, quantities=part),
            replace(row, quantities=row.quantities.minus(part)),
        ]
    random.shuffle(parts)
    assert rated(parts, old, new) == rated(whole, old, new)


@given(plans(1), rows("pro:1", 0))
def test_every_quantity_that_has_a_price_is_in_the_lines_once(
    plan: Plan, some: list[UsageRow]
) -> None:
    lines = rated(some, plan)
    for measure in {price.measure for price in plan.prices}:
        mine = [line for line in lines if line.kind is LineKind.USAGE and line.measure is measure]
        patterns = [price.model for price in plan.prices if price.measure is measure]
        covered = [
            row
            for row in some
            if any(
                row.key.model.startswith(each[:-1]) if each[-1] == "*" else row.key.model == each
                for each in patterns
            )
        ]
        assert sum(line.quantity for line in mine) == sum(
            row.quantities.of(measure) for row in covered
        )


@given(used_before=st.integers(0, 300), taken_off=st.integers(0, 300), used_now=st.integers(0, 300))
def test_what_is_taken_off_a_month_later_is_worth_what_it_was_billed(
    used_before: int, taken_off: int, used_now: int
) -> None:
    plan = plan_of(TIERED)
    taken_off = min(taken_off, used_before + used_now)
    month, corrected = [used(used_before)], [used(used_now), used(-taken_off, hour=1)]
    lines = rate(corrected, {plan.reference: plan}.get, lambda: month)
    beyond = max(0, taken_off - used_now)
    both = total(rated(month, plan)) + total(lines)
    assert both == total(rated([used(used_before - beyond)], plan)) + total(
        rated([used(max(0, used_now - taken_off))], plan)
    )


def test_the_month_before_is_read_only_for_what_goes_below_zero() -> None:
    plan = plan_of(TIERED)

    def read() -> list[UsageRow]:
        raise AssertionError("not to be read")

    rate([used(20), used(-20, hour=1)], {plan.reference: plan}.get, read)
