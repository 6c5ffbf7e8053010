"""Hours of the ledger: `yyyymmddhh`, UTC, which sorts as time does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR_FORMAT = "%Y%m%d%H"
HOUR_MS = 3_600_000


def hour_of(time_ms: int) -> str:
    """The hour of an epoch time in milliseconds."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime(HOUR_FORMAT)


def start_of(hour: str) -> datetime:
    """When an hour begins."""
    return datetime.strptime(hour, HOUR_FORMAT).replace(tzinfo=UTC)


def bounds_of(hour: str) -> tuple[int, int]:
    """When an hour begins and when the next one does, in epoch milliseconds."""
    start = int(start_of(hour).timestamp()) * 1000
    return start, start + HOUR_MS


def after(hour: str, count: int = 1) -> str:
    """The hour that is `count` later, or earlier where it is negative."""
    return (start_of(hour) + timedelta(hours=count)).strftime(HOUR_FORMAT)


def hours(start: datetime, end: datetime) -> Iterator[str]:
    """Every hour that lies, in part at least, between two times."""
    hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour <= end:
        yield hour.strftime(HOUR_FORMAT)
        hour += timedelta(hours=1)
