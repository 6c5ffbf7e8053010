"""What options say of time and of limits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import InvalidRequest
from infermeter.limits.terms import Budget, Limits, Rate
from infermeter.metering.measures import Measure
from infra.cli.terms import limits, parse_duration, parse_moment, shown_time

NOW = datetime(2026, 9, 21, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("10s", 10), ("90m", 5400), ("24h", 86400), ("30d", 2592000), ("2w", 1209600)],
)
def test_a_duration_is_in_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "d", "-1d", "1.5h", "1y", "1d ", "9" * 10 + "s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="duration: expected"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("1h", "2026-09-21 13:00:00Z"),
        ("2026-10-01", "2026-10-01 00:00:00Z"),
        ("2026-10-01T12:00", "2026-10-01 12:00:00Z"),
        ("2026-10-01T12:00+02:00", "2026-10-01 10:00:00Z"),
    ],
)
def test_a_moment_is_in_utc_unless_it_says_otherwise(text: str, time: str) -> None:
    assert shown_time(parse_moment(text, NOW)) == time


@given(st.text(max_size=12))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        assert isinstance(parse_moment(text, NOW), int)
    except InvalidRequest:
        with pytest.raises(InvalidRequest, match="time: expected a duration such as 30d"):
            parse_moment(text, NOW)


def test_options_make_limits() -> None:
    assert limits(None, None, None) == Limits()
    assert limits(2.5, None, "1000") == Limits(Rate(2.5, 3), Budget(1000))
    assert limits(2, 9, " 5  row ") == Limits(Rate(2.0, 9), Budget(5, Measure.ROW))
