"""Periods of budgets: calendar months, UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def month_of(time_s: float) -> str:
    """The month of an epoch time, `yyyymm`."""
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y%m")


def bounds(month: str) -> tuple[float, float]:
    """When a month begins, and when the next one does, in epoch seconds."""
    year, number = int(month[:4]), int(month[4:])
    after = (year + 1, 1) if number == 12 else (year, number + 1)
    begins, ends = (datetime(*at, 1, tzinfo=UTC).timestamp() for at in ((year, number), after))
    return begins, ends
