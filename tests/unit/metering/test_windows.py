"""Periods and the windows that divide them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.metering.hours import HOUR_FORMAT, after, start_of
from infermeter.metering.windows import Period, Window, around, month_period, next_month

times = st.datetimes(datetime(2000, 1, 1), datetime(2199, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
# A year of hours at most: more would only take longer.
periods = st.tuples(times, st.integers(1, 9000)).map(
    lambda each: Period(
        each[0].strftime(HOUR_FORMAT), (each[0] + timedelta(hours=each[1])).strftime(HOUR_FORMAT)
    )
)


@given(periods, st.sampled_from(Window))
def test_windows_cover_a_period_without_gap_or_overlap(period: Period, window: Window) -> None:
    parts = list(period.split(window))
    assert (parts[0].start, parts[-1].end) == (period.start, period.end)
    assert all(one.end == other.start for one, other in pairwise(parts))
    assert sum(part.hours() for part in parts) == period.hours()


def test_windows_begin_where_the_calendar_says() -> None:
    period = Period("2026013122", "2026020202")
    starts = {window: [part.start for part in period.split(window)] for window in Window}
    assert starts[Window.DAY] == ["2026013122", "2026020100", "2026020200"]
    assert starts[Window.MONTH] == ["2026013122", "2026020100"]
    assert starts[Window.TOTAL] == ["2026013122"]
    assert len(starts[Window.HOUR]) == 28


@given(times, times)
def test_a_period_holds_both_times_and_no_hour_more(start: datetime, end: datetime) -> None:
    start, end = min(start, end), max(start, end)
    period = around(start, end)
    assert start_of(period.start) <= start < start_of(after(period.start))
    assert start_of(after(period.end, -1)) < end <= start_of(period.end)


def test_a_zone_is_reckoned_with() -> None:
    zone = timezone(timedelta(hours=2))
    start, end = datetime(2026, 3, 1, 1, 30, tzinfo=zone), datetime(2026, 3, 1, 3, tzinfo=zone)
    assert around(start, end) == Period("2026022823", "2026030101")


@pytest.mark.parametrize(("month", "following"), [("202601", "202602"), ("202512", "202601")])
def test_months_follow_each_other(month: str, following: str) -> None:
    assert next_month(month) == following
    assert month_period(month) == Period(f"{month}0100", f"{following}0100")
