"""Rating: what a month's usage costs, by the plan versions that it was made under.

Tiers are graduated: each unit costs what its own place in the month's quantity costs. A place is
counted for each beginning of models and measure that is priced, over all models it is for, from
zero, what is included among it. Usage names the plan version it was made under, and is rated by
that one alone; where a version follows another within the month, it goes on from the place that
the other ended at. So a new price never changes what was used before.

What is taken off in one month may have been used in the one before it: beyond what this month has,
it goes back from the place that the last one ended at, and is worth what it was billed there.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from infermeter.billing.currencies import EXACT, rounded
from infermeter.errors import UnknownPlan
from infermeter.metering.measures import NOTHING, Measure, Quantities

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from infermeter.billing.plans import Plan, Price
    from infermeter.metering.fold import UsageRow

ZERO = Decimal(0)


class LineKind(Enum):
    """What a line is for. `UNPRICED` is usage that no plan has a price for."""

    USAGE = "usage"
    FEE = "fee"
    UNPRICED = "unpriced"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement. `amount` is in whole smallest units of the currency.

    `model` is as the price has it (`team-*`), `price` the plan version; `start` and `end` say which
    places in the month's quantity the line is for, `end` being None where there is none.
    """

    kind: LineKind
    currency: str
    price: str
    model: str
    measure: Measure
    quantity: int
    unit_price: Decimal
    amount: Decimal
    start: int = 0
    end: int | None = None


# What has places of its own in a month: a price's beginning of models, and its measure.
Component = tuple[str, Measure]


class Piece(NamedTuple):
    """A part of a quantity that lies in one tier, which begins and ends there."""

    start: int
    end: int | None
    quantity: int
    price: Decimal


def rate(
    rows: Iterable[UsageRow],
    plan_of: Callable[[str], Plan | None],
    month_before: Callable[[], Iterable[UsageRow]] = tuple,
) -> list[Line]:
    """The lines for a month's rows; `plan_of` finds the version of a reference.

    `month_before` gives the rows of the month before, and is asked if more was taken off than was
    used. Raises UnknownPlan for a reference that leads to none: no guess is a bill.
    """
    return _rate(rows, plan_of, lambda: _rate(month_before(), plan_of, dict)[1])[0]


def _rate(
    rows: Iterable[UsageRow],
    plan_of: Callable[[str], Plan | None],
    places_before: Callable[[], Mapping[Component, int]],
) -> tuple[list[Line], Mapping[Component, int]]:
    """The lines, and the place at which each component ends."""
    used = _by_version(rows)
    places: defaultdict[Component, int] = defaultdict(int)
    lines: list[Line] = []
    for reference in sorted(used, key=lambda each: _order(used[each].since, each)):
        models = used[reference].models
        plan = plan_of(reference) if reference else None
        if reference and plan is None:
            raise UnknownPlan(reference)
        priced: set[str] = set()
        for price, quantity, names in _priced(plan, models):
            component = (price.model, price.measure)
            place = places[component]
            here = max(quantity, -place)
            # What was given back beyond what was used is not used again by the next version.
            places[component] = place + here
            priced |= names
            if plan:
                lines += _lines(plan, price, place, here)
            if plan and here > quantity:
                earlier = places_before().get(component, 0)
                lines += _lines(plan, price, earlier, quantity - here)
        lines += _unpriced(reference, plan, models, priced)
    return lines, places


def fee(plan: Plan) -> Line:
    """The line of a plan's monthly fee: the whole of it, whenever in the month it came in force."""
    return Line(
        kind=LineKind.FEE,
        currency=plan.currency,
        price=plan.reference,
        model="",
        measure=Measure.REQUEST,
        quantity=1,
        unit_price=plan.monthly_fee,
        amount=rounded(plan.monthly_fee, plan.currency),
    )


def pieces(price: Price, place: int, quantity: int) -> Iterator[Piece]:
    """The quantity from a place on, by tier; a negative one goes back from there.

    What goes back beyond zero was used long ago; it is worth the first tier's price.
    """
    low, high = min(place, place + quantity), max(place, place + quantity)
    sign = 1 if quantity > 0 else -1
    for start, end, unit_price in _tiers(price):
        first = low if start is None else max(low, start)
        last = high if end is None else min(high, end)
        if first < last:
            yield Piece(start or 0, end, sign * (last - first), unit_price)


def _tiers(price: Price) -> Iterator[tuple[int | None, int | None, Decimal]]:
    yield None, 0, price.tiers[0].price
    if price.included:
        yield 0, price.included, ZERO
    start = price.included
    for tier in price.tiers:
        if tier.up_to is None or tier.up_to > start:
            yield start, tier.up_to, tier.price
            start = tier.up_to or start


class _Version:
    """What was used under one plan version: since when, and of which models."""

    def __init__(self, since: str) -> None:
        self.since = since
        self.models: defaultdict[str, Quantities] = defaultdict(lambda: NOTHING)


def _by_version(rows: Iterable[UsageRow]) -> dict[str, _Version]:
    used: dict[str, _Version] = {}
    for row in rows:
        version = used.setdefault(row.key.price, _Version(row.hour))
        version.since = min(version.since, row.hour)
        version.models[row.key.model] = version.models[row.key.model].plus(row.quantities)
    return used


def _order(since: str, reference: str) -> tuple[str, str, int]:
    """By first use; within an hour, versions of one plan follow each other."""
    plan, _, version = reference.rpartition(":")
    return since, plan, int(version or 0)


def _priced(
    plan: Plan | None, models: dict[str, Quantities]
) -> Iterator[tuple[Price, int, set[str]]]:
    """Each price with the quantity, and the models, that it is the first to match."""
    taken: set[tuple[str, Measure]] = set()
    for price in plan.prices if plan else ():
        names = {
            name
            for name in models
            if (name, price.measure) not in taken and _matches(price.model, name)
        }
        taken |= {(name, price.measure) for name in names}
        if names:
            yield price, sum(models[name].of(price.measure) for name in names), names


def _matches(pattern: str, model: str) -> bool:
    return model.startswith(pattern[:-1]) if pattern.endswith("*") else model == pattern


def _lines(plan: Plan, price: Price, place: int, quantity: int) -> Iterator[Line]:
    for piece in pieces(price, place, quantity):
        amount = EXACT.multiply(Decimal(piece.quantity), piece.price)
        yield Line(
            kind=LineKind.USAGE,
            currency=plan.currency,
            price=plan.reference,
            model=price.model,
            measure=price.measure,
            quantity=piece.quantity,
            unit_price=piece.price,
            amount=rounded(amount, plan.currency),
            start=piece.start,
            end=piece.end,
        )


def _unpriced(
    reference: str, plan: Plan | None, models: dict[str, Quantities], priced: set[str]
) -> Iterator[Line]:
    currency = plan.currency if plan else ""
    for model in sorted(set(models) - priced):
        yield Line(
            kind=LineKind.UNPRICED,
            currency=currency,
            price=reference,
            model=model,
            measure=Measure.UNIT,
            quantity=models[model].units,
            unit_price=ZERO,
            amount=rounded(ZERO, currency),
        )
