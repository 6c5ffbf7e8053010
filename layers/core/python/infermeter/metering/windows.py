"""Periods of whole hours, and the windows that divide them: hours, days and months in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from infermeter.metering.hours import HOUR_FORMAT, after, start_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOUR = timedelta(hours=1)


class Window(Enum):
    """What a row of usage sums up; `TOTAL` is all of a period."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"

    def end_of(self, hour: str) -> str:
        """The first hour (`yyyymmddhh`) after the hour, the day or the month that it lies in."""
        if self is Window.MONTH:
            return f"{next_month(hour[:6])}0100"
        return after(hour) if self is Window.HOUR else after(f"{hour[:8]}00", 24)


@dataclass(frozen=True, slots=True)
class Period:
    """Hours from `start` up to, and without, `end`; both `yyyymmddhh`."""

    start: str
    end: str

    def within(self, other: Period) -> Period:
        """What lies in both; empty (`end` not after `start`) where nothing does."""
        return Period(max(self.start, other.start), min(self.end, other.end))

    def split(self, window: Window) -> Iterator[Period]:
        """The windows that it touches, cut off at its own ends, in order."""
        start = self.start
        while start < self.end:
            end = self.end if window is Window.TOTAL else min(window.end_of(start), self.end)
            yield Period(start, end)
            start = end

    def hours(self) -> int:
        """How many."""
        return int((start_of(self.end) - start_of(self.start)) / _HOUR)


def around(start: datetime, end: datetime) -> Period:
    """The smallest period that holds both times; an end on the hour is that hour's beginning."""
    last = end.astimezone(UTC)
    floor = last.replace(minute=0, second=0, microsecond=0)
    ceiling = floor if floor == last else floor + _HOUR
    return Period(start.astimezone(UTC).strftime(HOUR_FORMAT), ceiling.strftime(HOUR_FORMAT))


def month_period(month: str) -> Period:
    """All of a month (`yyyymm`)."""
    return Period(f"{month}0100", f"{next_month(month)}0100")


def next_month(month: str) -> str:
    """The month after this one, both `yyyymm`."""
    year, number = int(month[:4]), int(month[4:])
    return f"{year + number // 12:04}{number % 12 + 1:02}"
