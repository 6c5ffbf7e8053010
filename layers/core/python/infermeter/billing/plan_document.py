"""Plans as documents: TOML that an operator writes, JSON that is stored.

Amounts of money are text such as "0.0004": a float would not be what was written.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from infermeter.billing.plans import PLAN_NAME, Plan, Price, Tier
from infermeter.errors import InvalidField, MalformedBody
from infermeter.limits.terms import UNLIMITED, Budget, Limits, Rate
from infermeter.metering.measures import Measure
from infermeter.wire.excerpts import shown

MAX_PRICES = 200
MAX_TIERS = 20
# DynamoDB's numbers, and everything on the way, hold more.
MAX_QUANTITY = 10**15
MAX_RATE = 1_000_000

_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_PATTERN = re.compile(r"[A-Za-z0-9._-]*\*|[A-Za-z0-9._-]+")
_NO_DEFAULT = object()


def parse_toml(text: str, version: int = 0) -> Plan:
    """The plan of a TOML file. Raises MalformedBody for what is not TOML, else InvalidField."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MalformedBody(f"plan: expected TOML, got: {error}") from None
    plan = parse_plan(document, version)
    _check_order(plan.prices)
    return plan


def parse_plan(document: object, version: int = 0) -> Plan:
    """The plan of a document. Raises InvalidField: which field, what was expected, what came."""
    plan = _Table(document, "plan")
    parsed = Plan(
        name=plan.text("name", PLAN_NAME, "1 to 40 of A-Z a-z 0-9 . _ -, a letter or digit first"),
        version=version,
        currency=plan.text("currency", _CURRENCY, "a currency's 3 capital letters"),
        monthly_fee=plan.decimal("monthly_fee", "0"),
        prices=_prices(plan),
        limits=parse_limits(plan.take("limits", None), "limits"),
    )
    plan.end()
    return parsed


def document_of(plan: Plan) -> dict[str, Any]:
    """What `parse_plan` reads back, but for the version."""
    document: dict[str, Any] = {
        "name": plan.name,
        "currency": plan.currency,
        "monthly_fee": _plain(plan.monthly_fee),
        "prices": [
            {
                "model": price.model,
                "measure": price.measure.value,
                "included": price.included,
                "tiers": [_tier_document(tier) for tier in price.tiers],
            }
            for price in plan.prices
        ],
    }
    if plan.limits != UNLIMITED:
        document["limits"] = limits_document(plan.limits)
    return document


def limits_document(limits: Limits) -> dict[str, Any]:
    """What `parse_limits` reads back."""
    document: dict[str, Any] = {}
    if limits.rate:
        document |= {"rate": limits.rate.per_s, "burst": limits.rate.burst}
    if limits.budget:
        budget = limits.budget
        document["budget"] = {"amount": budget.amount, "measure": budget.measure.value}
    return document


def parse_limits(document: object, field: str) -> Limits:
    """`{rate, burst, budget: {amount, measure}}`, each optional. Raises InvalidField."""
    if document is None:
        return UNLIMITED
    table = _Table(document, field)
    per_s, burst = table.rate("rate"), table.take("burst", None)
    rate = None
    if per_s is not None:
        default = max(1, math.ceil(per_s))
        burst = default if burst is None else table.whole("burst", burst, least=1)
        rate = Rate(per_s, burst)
    elif burst is not None:
        raise InvalidField(f"{field}.burst", expected="none without a rate", got=shown(burst))
    given, budget = table.take("budget", None), None
    if given is not None:
        terms = _Table(given, f"{field}.budget")
        amount = terms.whole("amount", terms.take("amount"), least=1)
        budget = Budget(amount, terms.measure(Measure.UNIT.value))
        terms.end()
    table.end()
    return Limits(rate, budget)


class _Table:
    """A table of the document: fields are taken from it, and none may be left."""

    def __init__(self, document: object, field: str) -> None:
        if not isinstance(document, Mapping):
            raise InvalidField(field, expected="a table", got=shown(document))
        self._left, self._field = dict(document), field

    def name(self, field: str) -> str:
        """The field's full name."""
        return field if self._field == "plan" else f"{self._field}.{field}"

    def take(self, field: str, default: Any = _NO_DEFAULT) -> Any:
        """A field's value, whatever it is."""
        value = self._left.pop(field, default)
        if value is _NO_DEFAULT:
            raise InvalidField(self.name(field), expected="to be there", got="none")
        return value

    def end(self) -> None:
        """What is misspelled would else be a price that is never charged."""
        if self._left:
            field = min(map(str, self._left))
            raise InvalidField(self.name(field), expected="no such field", got="one")

    def text(self, field: str, form: re.Pattern[str], expected: str) -> str:
        """Text of a form."""
        value = self.take(field)
        if not isinstance(value, str) or not form.fullmatch(value):
            raise InvalidField(self.name(field), expected=expected, got=shown(value))
        return value

    def decimal(self, field: str, default: Any = _NO_DEFAULT) -> Decimal:
        """An amount of money."""
        value = self.take(field, default)
        if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
            expected = 'a decimal as text, such as "0.0004"'
            raise InvalidField(self.name(field), expected=expected, got=shown(value))
        return Decimal(value)

    def whole(self, field: str, value: object, *, least: int) -> int:
        """A whole number."""
        if type(value) is not int or not least <= value <= MAX_QUANTITY:
            expected = f"a whole number from {least} to {MAX_QUANTITY}"
            raise InvalidField(self.name(field), expected=expected, got=shown(value))
        return value

    def measure(self, default: Any = _NO_DEFAULT) -> Measure:
        """The field `measure`."""
        value = self.take("measure", default)
        known = [measure.value for measure in Measure]
        if value not in known:
            expected = f"one of {', '.join(known)}"
            raise InvalidField(self.name("measure"), expected=expected, got=shown(value))
        return Measure(value)

    def rate(self, field: str) -> float | None:
        """A number of requests per second; it bounds, and nothing is charged by it."""
        value = self.take(field, None)
        if value is None:
            return None
        if type(value) not in (int, float) or not 0 < value <= MAX_RATE:
            expected = f"a number over 0, at most {MAX_RATE}"
            raise InvalidField(self.name(field), expected=expected, got=shown(value))
        return float(value)

    def tables(self, field: str, most: int) -> list[_Table]:
        """A list of tables."""
        value = self.take(field, [])
        if not isinstance(value, list) or len(value) > most:
            expected = f"a list of at most {most} tables"
            raise InvalidField(self.name(field), expected=expected, got=shown(value))
        return [_Table(each, f"{self.name(field)}[{place}]") for place, each in enumerate(value)]


def _prices(plan: _Table) -> tuple[Price, ...]:
    prices: dict[tuple[str, Measure], Price] = {}
    for table in plan.tables("prices", MAX_PRICES):
        model = table.text("model", _PATTERN, "a model's name, or its beginning and a final *")
        measure = table.measure()
        if (model, measure) in prices:
            expected = f"one price for {measure.value} of '{model}'"
            raise InvalidField(table.name("model"), expected=expected, got="another")
        included = table.whole("included", table.take("included", 0), least=0)
        prices[model, measure] = Price(model, measure, _tiers(table), included)
        table.end()
    return tuple(prices.values())


def _check_order(prices: Sequence[Price]) -> None:
    """Raises InvalidField for a price that would never be charged: the first that fits is."""
    for place, price in enumerate(prices):
        for before in prices[:place]:
            wide = before.model.endswith("*") and price.model.startswith(before.model[:-1])
            if wide and before.measure is price.measure:
                raise InvalidField(
                    f"prices[{place}].model",
                    expected=f"one that no {price.measure.value} price before it is for, since the "
                    "first that fits is charged",
                    got=f"{shown(price.model)} after {shown(before.model)}; put it before",
                )


def _tiers(price: _Table) -> tuple[Tier, ...]:
    flat = price.take("price", None)
    tables = price.tables("tiers", MAX_TIERS)
    if (flat is None) == (not tables):
        got = "none" if flat is None else "both"
        raise InvalidField(price.name("price"), expected="either it or tiers", got=got)
    if flat is not None:
        price = _Table({"price": flat}, price.name("")[:-1])
        return (Tier(None, price.decimal("price")),)
    tiers: list[Tier] = []
    for place, table in enumerate(tables):
        up_to = table.take("up_to", None)
        if place == len(tables) - 1:
            if up_to is not None:
                expected = "none in the last tier, which has no end"
                raise InvalidField(table.name("up_to"), expected=expected, got=shown(up_to))
        else:
            before = (tiers[-1].up_to or 0) if tiers else 0
            up_to = table.whole("up_to", up_to, least=before + 1)
        tiers.append(Tier(up_to, table.decimal("price")))
        table.end()
    return tuple(tiers)


def _tier_document(tier: Tier) -> dict[str, Any]:
    end = {} if tier.up_to is None else {"up_to": tier.up_to}
    return end | {"price": _plain(tier.price)}


def _plain(amount: Decimal) -> str:
    """Without an exponent."""
    return f"{amount:f}"
