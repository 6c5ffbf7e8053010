"""A statement in CSV and as a page."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from infermeter.billing.rating import Line, LineKind
from infermeter.metering.measures import Measure
from infermeter.wire.statement import line_text, statement_csv
from infermeter.wire.statement_page import POLICY, statement_page
from tests.unit.billing.books import PLAN, Books

if TYPE_CHECKING:
    from infermeter.billing.statements import Statement

HOSTILE = '<script>alert("&1")</script>'


def statement() -> Statement:
    books = Books()
    books.charged("2026060100", 3)
    return books.statement()


def line(**changes: object) -> Line:
    plain = Line(
        kind=LineKind.USAGE,
        currency="EUR",
        price="pro:1",
        model="team-*",
        measure=Measure.UNIT,
        quantity=1,
        unit_price=Decimal("0.0000005"),
        amount=Decimal("1234567.80"),
    )
    return replace(plain, **changes)


def test_lines_and_totals_are_rows() -> None:
    rows = list(csv.DictReader(io.StringIO(statement_csv(statement()).decode(), newline="")))
    assert [(row["kind"], row["quantity"], row["amount"]) for row in rows] == [
        ("usage", "1", "0.00"),
        ("usage", "2", "0.03"),
        ("fee", "1", "49.90"),
        ("total", "", "49.93"),
    ]
    assert {row["currency"] for row in rows} == {"EUR"}
    assert {row["month"] for row in rows} == {"2026-06"}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"end": 100}, "team-*: units 1 to 100"),
        ({"start": 1000}, "team-*: units from 1,001"),
        ({"end": 0, "quantity": -1}, "team-*: units of earlier months"),
        ({"measure": Measure.BYTE_IN}, "team-*: bytes in from 1"),
        ({"kind": LineKind.UNPRICED, "model": "m"}, "m: units without a price"),
        ({"kind": LineKind.FEE}, "Monthly fee, plan pro:1"),
    ],
)
def test_a_line_in_words(changes: dict[str, object], text: str) -> None:
    assert line_text(line(**changes)) == text


class Page(HTMLParser):
    """What a browser makes of a page: its tags, and its text."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_text_on_the_page_is_escaped() -> None:
    (item,) = statement().items
    hostile = replace(
        statement(),
        tenant=HOSTILE,
        digest=HOSTILE,
        lines=(line(model=HOSTILE, price=HOSTILE, currency=HOSTILE),),
        items=(replace(item, group=item.group._replace(key_id=HOSTILE, model=HOSTILE)),),
    )
    page = Page(statement_page(hostile))
    assert "script" not in page.tags
    assert page.text.count(HOSTILE) >= 7


def test_the_page_loads_and_runs_nothing() -> None:
    page = Page(statement_page(statement()))
    assert not {"script", "link", "img", "iframe", "a"} & set(page.tags)
    assert not {"src", "href", "style", "onload"} & page.attributes
    assert "default-src 'none'" in POLICY


def test_amounts_on_the_page_are_digits_in_thousands() -> None:
    page = Page(statement_page(replace(statement(), lines=(line(),))))
    assert "EUR 1,234,567.80" in page.text
    assert "0.0000005" in page.text


def test_the_page_tells_whether_it_is_final() -> None:
    assert "Not final" in Page(statement_page(statement())).text
    final = Page(statement_page(replace(statement(), final=True, watermark="2026070100"))).text
    assert "Not final" not in final
    assert "2026-07-01 00:00" in final


def test_each_currency_has_its_total() -> None:
    both = replace(statement(), lines=(line(), line(currency="JPY", amount=Decimal(7))))
    assert "JPY 7" in Page(statement_page(both)).text
    assert PLAN.currency in Page(statement_page(both)).text


def test_usage_at_two_prices_is_told_apart() -> None:
    (item,) = statement().items
    second = replace(item, group=item.group._replace(price="pro:2"))
    page = Page(statement_page(replace(statement(), lines=(), items=(item, second))))
    assert item.group.price in page.text
    assert "pro:2" in page.text
