"""Queries of usage, as callers write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import InvalidField
from infermeter.metering.usage import Dimension, Group, Place
from infermeter.metering.windows import Period, Window
from infermeter.wire.parameters import parse_time
from infermeter.wire.usage_query import MAX_DAYS, AskedUsage, decode_usage_query, encode_place

NOW = datetime(2026, 3, 15, 10, 20, tzinfo=UTC)


def asked(**query: str | list[str]) -> AskedUsage:
    values = {
        name.removesuffix("_"): [value] if isinstance(value, str) else value
        for name, value in query.items()
    }
    return decode_usage_query(values, tenant="a", allowed=lambda _: True, now=NOW.timestamp())


def test_by_default_it_is_the_month_until_this_hours_end() -> None:
    query = asked().query
    assert query.period == Period("2026030100", "2026031511")
    assert query.window is Window.DAY
    assert query.dimensions == (Dimension.KEY, Dimension.MODEL, Dimension.VERSION)


@pytest.mark.parametrize(
    ("to", "start"),
    [("2026-03-01", "2026020100"), ("2026-02-01T00:00:01Z", "2026020100"), ("2026-02", None)],
)
def test_without_from_it_is_the_month_that_to_ends(to: str, start: str | None) -> None:
    if start is None:
        with pytest.raises(InvalidField):
            asked(to=to)
    else:
        assert asked(to=to).query.period.start == start


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T10:00:00Z",
        "2026-03-01T10:00:00",
        "2026-03-01T10:00:00+00:00",
        "2026-03-01T10:00:00 00:00",  # a plus that was not percent-encoded
        "2026-03-01T12:00:00+02:00",
        "2026-03-01T10:00",
        "1772359200",
        "1772359200.0",
    ],
)
def test_ways_to_write_a_time(text: str) -> None:
    assert parse_time(text) == datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "now", "1e9", "-1", "0001-01-01", "9999-12-31", "٣", "12"])
def test_what_is_no_time(text: str) -> None:
    assert parse_time(text) is None


@given(st.text())
def test_any_text_is_a_time_or_none(text: str) -> None:
    time = parse_time(text)
    assert time is None or time.tzinfo is UTC


@pytest.mark.parametrize("window", Window)
def test_a_query_spans_as_much_as_is_told(window: Window) -> None:
    days = MAX_DAYS[window]
    start, end = 1_700_000_000 // 86400 * 86400, 1_700_000_000 // 86400 * 86400 + 86400 * days
    whole = asked(from_=str(start), to=str(end), window=window.value).query
    assert whole.period.hours() == days * 24
    with pytest.raises(InvalidField, match=f"at most {days} days"):
        asked(from_=str(start), to=str(end + 1), window=window.value)


texts = st.text(max_size=9)


@given(st.integers(10**9, 10**10 - 1).map(str), st.builds(Group, *[texts] * 5))
def test_a_cursor_comes_back_as_it_was(start: str, group: Group) -> None:
    place = Place(start, group)
    assert asked(after=encode_place(place)).query.beyond == place


@given(texts)
def test_any_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(InvalidField):
        asked(after=text)


values = st.one_of(texts, st.sampled_from(["2026-01-01", "hour", "key", "1"]))


@given(st.dictionaries(st.sampled_from(["from", "to", "window", "group_by", "limit"]), values))
def test_any_query_is_understood_or_its_field_is_named(query: dict[str, Any]) -> None:
    refused, period = "", Period("", "")
    try:
        period = asked(**query).query.period
    except InvalidField as error:
        refused = error.field
    assert refused in {*query, "from"} or period.start < period.end
