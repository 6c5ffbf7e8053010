"""Hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.metering.hours import after, bounds_of, hour_of, hours, start_of


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_lies_in_its_hour(time_ms: int) -> None:
    hour = datetime.strptime(hour_of(time_ms), "%Y%m%d%H").replace(tzinfo=UTC)
    assert 0 <= time_ms - hour.timestamp() * 1000 < 3_600_000


@pytest.mark.parametrize("offset", [0, 5.5])
def test_hours_are_those_of_utc_across_a_year(offset: float) -> None:
    zone = timezone(timedelta(hours=offset))
    start = datetime(2026, 12, 31, 23, 30, tzinfo=UTC).astimezone(zone)
    end = datetime(2027, 1, 1, 1, 0, tzinfo=UTC)
    assert list(hours(start, end)) == ["2026123123", "2027010100", "2027010101"]


def test_an_instant_has_one_hour() -> None:
    now = datetime(2026, 5, 5, 5, 5, tzinfo=UTC)
    assert list(hours(now, now)) == ["2026050505"]


@given(st.integers(0, 4_000_000_000_000), st.integers(-50, 50))
def test_the_hour_after_is_an_hour_later(time_ms: int, count: int) -> None:
    hour = hour_of(time_ms)
    assert after(hour, count) == hour_of(time_ms + count * 3_600_000)
    assert after(after(hour, count), -count) == hour
    assert start_of(hour).tzinfo is UTC


@given(st.integers(0, 4_000_000_000_000))
def test_an_hours_bounds_are_those_of_its_times(time_ms: int) -> None:
    start, end = bounds_of(hour_of(time_ms))
    assert start <= time_ms < end
    assert (hour_of(start), hour_of(end)) == (hour_of(time_ms), after(hour_of(time_ms)))
    assert hour_of(end - 1) == hour_of(time_ms)
