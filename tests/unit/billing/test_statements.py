"""A month's statement."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.billing.documents import parse_statement, statement_document
from infermeter.billing.rating import LineKind
from infermeter.billing.statements import Total
from infermeter.errors import NotFound, UnknownPlan, UnknownTenant
from infermeter.metering.ledger import Kind
from tests.unit.billing.books import PLAN, Books, ms


def test_lines_and_total() -> None:
    books = Books()
    books.charged("2026060100", 3)
    books.charged("2026061012", 2)
    books.charged("2026053123", 100)
    statement = books.statement()
    assert [(line.quantity, str(line.amount)) for line in statement.lines] == [
        (1, "0.00"),
        (4, "0.06"),
        (1, "49.90"),
    ]
    assert statement.totals == (Total("EUR", Decimal("49.96")),)
    assert (statement.final, statement.watermark) == (False, "")


def test_it_is_final_once_the_months_last_hour_is_sealed() -> None:
    books = Books()
    books.charged("2026053123")
    books.sealed_until("2026053123")
    assert not books.statement("202605").final
    books.sealed_until("2026060100")
    assert books.statement("202605").final


def test_one_that_is_kept_is_served_as_it_is() -> None:
    books = Books()
    kept = replace(books.statement("202605"), digest="kept")
    books.archive.keep(kept)
    assert books.statement("202605") == kept


@pytest.mark.parametrize("month", ["202604", "202607", "200001"])
def test_a_month_without_a_statement_is_not_found(month: str) -> None:
    with pytest.raises(NotFound, match=r"from 2026-05.* to 2026-06, got "):
        Books().statement(month)


def test_a_tenant_nobody_knows_has_none() -> None:
    with pytest.raises(UnknownTenant):
        Books().statements.of("b", "202606")


def test_usage_under_a_plan_that_is_lost_makes_no_statement() -> None:
    books = Books()
    books.charged("2026060100", price="gone:1")
    with pytest.raises(UnknownPlan):
        books.statement()


def test_the_fee_is_that_of_the_plan_in_force() -> None:
    books = Books()
    books.add(replace(PLAN, version=2, monthly_fee=Decimal(5)))
    (line,) = books.statement().lines
    assert (line.kind, line.price, str(line.amount)) == (LineKind.FEE, "pro:2", "5.00")
    books.change(plan="")
    assert books.statement().lines == ()
    books.add(replace(PLAN, version=3, monthly_fee=Decimal(0)))
    books.change(plan="pro")
    assert books.statement().lines == ()


def test_a_months_fee_is_that_of_its_end_whenever_it_is_asked_for() -> None:
    books = Books()
    before = books.statement("202605").lines
    june = ms("2026060100") // 1000
    books.add(replace(PLAN, version=2, monthly_fee=Decimal(5), since=june))
    assert books.statement("202605").lines == before
    assert str(books.statement("202606").lines[0].amount) == "5.00"
    books.record = books.keys.owners["a"] = books.record.on_plan("pro", 0).on_plan("", june)
    assert books.statement("202605").lines == before
    assert books.statement("202606").lines == ()


def test_a_closed_tenants_books_end_when_its_last_requests_can_be_voided() -> None:
    books = Books()
    books.change(closed_at=int(books.clock()) - 12 * 3600)  # at midnight
    books.sealed_until("2026061102")
    assert not books.statement().final
    books.sealed_until("2026061103")
    statement = books.statement()
    assert (statement.final, statement.period.end) == (True, "2026061103")
    assert [line.kind for line in statement.lines] == [LineKind.FEE]


def test_no_fee_is_due_for_a_month_after_the_closing() -> None:
    books = Books()
    books.change(closed_at=int(books.clock()) - 20 * 24 * 3600)
    assert [line.kind for line in books.statement("202605").lines] == [LineKind.FEE]
    assert books.statement("202606").lines == ()


def test_currencies_are_not_added() -> None:
    books = Books()
    books.add(replace(PLAN, version=2, currency="JPY", monthly_fee=Decimal(5)))
    books.charged("2026060100", 3)
    books.charged("2026060200", 100, price="pro:2")
    assert books.statement().totals == (Total("EUR", Decimal("0.03")), Total("JPY", Decimal(7)))
    document = statement_document(books.statement())
    assert (document["currency"], document["total"]) == (None, None)


def test_usage_is_told_by_key_and_adjustments_reduce_it() -> None:
    books = Books()
    books.charged("2026060100", 3)
    books.charged("2026060101", 5, key_id="k2")
    books.charged("2026060102", -2, kind=Kind.ADJUSTMENT, requests=-1, rows=0)
    items = {item.group.key_id: item.quantities for item in books.statement().items}
    assert {key: (each.requests, each.units) for key, each in items.items()} == {
        "k1": (0, 1),
        "k2": (1, 5),
    }


def test_the_digest_names_the_usage_behind_it() -> None:
    books = Books()
    books.charged("2026060100", 3)
    live = books.statement()
    books.sealed_until("2026060200")
    assert books.statement().digest == live.digest
    books.charged("2026060201", 3)
    assert books.statement().digest != live.digest


charges = st.lists(
    st.tuples(
        st.sampled_from(["2026060100", "2026060512", "2026061011"]),
        st.integers(-5, 1000),
        st.sampled_from(["", "pro:1", "pro:2"]),
        st.sampled_from(["m", "n"]),
    ),
    max_size=12,
)


@given(charges, st.decimals(0, 3, places=5), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_totals_are_the_sums_of_the_lines_to_the_cent(
    some: list[tuple[str, int, str, str]], price: Decimal, currency: str
) -> None:
    books = Books()
    (first,) = PLAN.prices
    dearer = replace(first, tiers=(replace(first.tiers[0], price=price),))
    books.add(replace(PLAN, version=2, currency=currency, prices=(dearer,)))
    for hour, units, version, model in some:
        books.charged(hour, units, price=version, model=model)
    statement = books.statement()
    for total in statement.totals:
        mine = [line.amount for line in statement.lines if line.currency == total.currency]
        assert total.amount == sum(mine)
        digits = {"EUR": -2, "JPY": 0, "KWD": -3}[total.currency]
        assert all(amount.as_tuple().exponent == digits for amount in mine)
    assert parse_statement(statement_document(statement)) == statement
