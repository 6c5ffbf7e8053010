"""Plans from TOML and JSON: what is written is what is charged, or it is refused by name."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.billing.plan_document import document_of, parse_plan, parse_toml
from infermeter.billing.plans import Plan, Price, Tier
from infermeter.errors import InvalidField, InvalidRequest, MalformedBody
from infermeter.limits.terms import Budget, Limits, Rate
from infermeter.metering.measures import Measure

GOLD = """
name = "gold"
currency = "EUR"
monthly_fee = "49.00"

[limits]
rate = 0.5
burst = 20
budget = { amount = 1_000_000, measure = "row" }

[[prices]]
model = "tab*"
measure = "row"
included = 1000
tiers = [{ up_to = 10_000, price = "0.0004" }, { price = "0.0001" }]

[[prices]]
model = "*"
measure = "request"
price = "0.01"
"""
SMALL = {"name": "s", "currency": "EUR"}
PRICE = {"model": "*", "measure": "row"}

amounts = st.decimals(0, 10**9, allow_nan=False, places=6)
quantities = st.integers(1, 10**12)
measures = st.sampled_from(Measure)


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    ends = sorted(draw(st.sets(quantities, max_size=4)))
    return tuple(Tier(end, draw(amounts)) for end in [*ends, None])


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    places = st.tuples(st.from_regex(r"[a-z.-]{0,9}\*|[a-z]{1,9}", fullmatch=True), measures)
    prices = [
        Price(model, measure, draw(tiers()), draw(st.integers(0, 10**12)))
        for model, measure in draw(st.lists(places, max_size=4, unique=True))
    ]
    rates = st.builds(Rate, st.floats(0.001, 1000), quantities)
    limits = st.builds(
        Limits, st.none() | rates, st.none() | st.builds(Budget, quantities, measures)
    )
    return Plan("p", 3, "USD", draw(amounts), tuple(prices), draw(limits))


def refused(**changes: object) -> str:
    with pytest.raises(InvalidField) as error:
        parse_plan(SMALL | changes)
    return str(error.value)


def test_a_plan_reads_as_it_is_written() -> None:
    assert parse_toml(GOLD, 2) == Plan(
        "gold",
        2,
        "EUR",
        Decimal("49.00"),
        (
            Price(
                "tab*",
                Measure.ROW,
                (Tier(10_000, Decimal("0.0004")), Tier(None, Decimal("0.0001"))),
                1000,
            ),
            Price("*", Measure.REQUEST, (Tier(None, Decimal("0.01")),)),
        ),
        Limits(Rate(0.5, 20), Budget(1_000_000, Measure.ROW)),
    )


@given(plans())
def test_a_plan_reads_back_through_json(plan: Plan) -> None:
    assert parse_plan(json.loads(json.dumps(document_of(plan))), plan.version) == plan


def test_a_plan_without_more_is_free_and_unlimited() -> None:
    assert parse_plan(SMALL) == Plan("s", 0, "EUR", Decimal(0), ())


def test_a_burst_is_what_a_second_allows_unless_it_is_given() -> None:
    assert parse_plan(SMALL | {"limits": {"rate": 2.5}}).limits == Limits(Rate(2.5, 3))


def test_an_amount_keeps_every_digit() -> None:
    price = PRICE | {"price": "0.000000000001"}
    plan = parse_plan(SMALL | {"prices": [price]})
    assert document_of(plan)["prices"][0]["tiers"] == [{"price": "0.000000000001"}]


def test_what_is_not_toml_is_refused() -> None:
    with pytest.raises(MalformedBody, match="plan: expected TOML, got"):
        parse_toml("name = ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "a#b"}, 'name: expected 1 to 40 of .*, got "a#b"'),
        ({"name": "a:1"}, "name: "),
        ({"currency": "eur"}, 'currency: expected a currency\'s 3 capital letters, got "eur"'),
        ({"monthly_fee": 9.9}, "monthly_fee: expected a decimal as text, such as .*, got 9.9"),
        ({"monthly_fee": 9}, "monthly_fee: "),
        ({"monthly_fee": "-1"}, "monthly_fee: "),
        ({"monthly_fee": "1e3"}, "monthly_fee: "),
        ({"monthly_fee": "NaN"}, "monthly_fee: "),
        ({"monthly_fees": "1"}, "monthly_fees: expected no such field, got one"),
        ({"limits": {"rate": 0}}, "limits.rate: expected a number over 0"),
        ({"limits": {"rate": float("nan")}}, "limits.rate: "),
        ({"limits": {"rate": float("inf")}}, "limits.rate: "),
        ({"limits": {"rate": True}}, "limits.rate: "),
        ({"limits": {"burst": 3}}, "limits.burst: expected none without a rate, got 3"),
        ({"limits": {"rate": 1, "burst": 0}}, "limits.burst: expected a whole number from 1"),
        ({"limits": {"budget": {}}}, "limits.budget.amount: expected to be there, got none"),
        ({"limits": {"budget": {"amount": 1.0}}}, "limits.budget.amount: "),
        ({"limits": {"budget": {"amount": 1, "measure": "cow"}}}, "limits.budget.measure: "),
        ({"limits": []}, "limits: expected a table"),
        ({"prices": {}}, "prices: expected a list"),
        ({"prices": [1]}, r"prices\[0\]: expected a table, got 1"),
        ({"prices": [PRICE]}, r"prices\[0\].price: expected either it or tiers, got none"),
        (
            {"prices": [PRICE | {"price": "1", "tiers": [{"price": "1"}]}]},
            r"prices\[0\].price: expected either it or tiers, got both",
        ),
        ({"prices": [PRICE | {"price": 0.1}]}, r"prices\[0\].price: expected a decimal as text"),
        ({"prices": [PRICE | {"model": "a*b", "price": "1"}]}, r"prices\[0\].model: "),
        ({"prices": [PRICE | {"measure": "rows", "price": "1"}]}, r"prices\[0\].measure: "),
        ({"prices": [PRICE | {"measure": [], "price": "1"}]}, r"prices\[0\].measure: "),
        ({"prices": [PRICE | {"included": -1, "price": "1"}]}, r"prices\[0\].included: "),
        ({"prices": [PRICE | {"price": "1"}] * 2}, r"prices\[1\].model: expected one price for"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidField, match=f"^{message}"):
        parse_plan(SMALL | changes)


TWO = """
name = "two"
currency = "EUR"
prices = [
  {{ model = "{}", measure = "{}", price = "1" }},
  {{ model = "{}", measure = "row", price = "2" }},
]
"""


@pytest.mark.parametrize("models", [("*", "linear"), ("team-*", "team-a*"), ("lin*", "lin")])
def test_a_price_that_would_never_be_charged_is_refused(models: tuple[str, str]) -> None:
    first, second = models
    with pytest.raises(InvalidField, match=r"^prices\[1\].model: expected one that no row price"):
        parse_toml(TWO.format(first, "row", second))
    parse_toml(TWO.format(first, "request", second))
    parse_toml(TWO.format(second, "row", first))


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ([10, 10, None], "tiers[1].up_to: expected a whole number from 11"),
        ([10, 5, None], "tiers[1].up_to"),
        ([10, 20], "tiers[1].up_to: expected none in the last tier"),
        ([None, None], "tiers[0].up_to"),
        ([0, None], "tiers[0].up_to"),
    ],
)
def test_tiers_ascend_and_the_last_is_open(ends: list[int | None], message: str) -> None:
    listed = [{"price": "1"} | ({} if end is None else {"up_to": end}) for end in ends]
    assert message in refused(prices=[PRICE | {"tiers": listed}])


@pytest.mark.parametrize("field", ["name", "currency"])
def test_what_every_plan_has_must_be_there(field: str) -> None:
    with pytest.raises(InvalidField, match=f"{field}: expected to be there, got none"):
        parse_plan({name: value for name, value in SMALL.items() if name != field})


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
names = st.sampled_from(
    ["name", "currency", "monthly_fee", "limits", "rate", "budget", "prices", "tiers", "price"]
)
documents = st.recursive(
    leaves, lambda more: st.lists(more, max_size=3) | st.dictionaries(names, more, max_size=4)
)


@given(documents)
def test_any_document_is_a_plan_or_refused(document: object) -> None:
    whole = SMALL | document if isinstance(document, dict) else document
    with suppress(InvalidField):
        assert parse_plan(whole).name == "s"


@given(st.text(max_size=40))
def test_any_text_is_a_plan_or_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="expected"):
        parse_toml(text)
