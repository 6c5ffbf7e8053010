"""`GET /v1/usage` as its query string says it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pybase64

from infermeter.errors import InvalidField
from infermeter.metering.usage import DEFAULT_DIMENSIONS, Dimension, Group, Place, UsageQuery
from infermeter.metering.windows import Window, around
from infermeter.wire.excerpts import shown
from infermeter.wire.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infermeter.metering.windows import Period

DEFAULT_ROWS, MAX_ROWS = 1000, 10_000
# What one query may span. Of a year all hours are read, whatever they are summed up to.
MAX_DAYS: Mapping[Window, int] = {
    Window.HOUR: 92,
    Window.DAY: 400,
    Window.MONTH: 400,
    Window.TOTAL: 400,
}
KNOWN = ("from", "to", "window", "group_by", "limit", "after", "format")
_HOUR = re.compile(r"[0-9]{10}")


@dataclass(frozen=True, slots=True)
class AskedUsage:
    """A query, and how many of its rows one answer may have."""

    query: UsageQuery
    limit: int


def decode_usage_query(
    query: Mapping[str, Sequence[str]], *, tenant: str, allowed: Callable[[str], bool], now: float
) -> AskedUsage:
    """What is asked for: by default the current month until now, by day, key, model and version.

    Raises InvalidField.
    """
    parameters = Parameters(query, KNOWN)
    window = Window(parameters.choice("window", [each.value for each in Window], Window.DAY.value))
    dimensions = _dimensions(parameters)
    asked = UsageQuery(
        tenant=tenant,
        period=_period(parameters, window, datetime.fromtimestamp(now, UTC)),
        window=window,
        dimensions=dimensions,
        shown=allowed,
        beyond=_place(parameters.text("after")),
    )
    return AskedUsage(asked, parameters.number("limit", MAX_ROWS, DEFAULT_ROWS))


def encode_place(place: Place) -> str:
    """A cursor, opaque to callers."""
    return pybase64.urlsafe_b64encode(orjson.dumps([place.start, *place.group])).decode()


def _place(text: str | None) -> Place | None:
    if text is None:
        return None
    try:
        parts = orjson.loads(pybase64.urlsafe_b64decode(text))
    except ValueError:
        parts = None
    if not _is_place(parts):
        raise InvalidField(
            "after", expected="the 'next_after' of this query's last answer", got=shown(text)
        )
    return Place(parts[0], Group(*parts[1:]))


def _is_place(parts: Any) -> bool:
    return (
        isinstance(parts, list)
        and len(parts) == 1 + len(Group._fields)
        and all(isinstance(part, str) for part in parts)
        and _HOUR.fullmatch(parts[0]) is not None
    )


def _dimensions(parameters: Parameters) -> tuple[Dimension, ...]:
    names = parameters.texts("group_by")
    if names is None:
        return DEFAULT_DIMENSIONS
    known = [each.value for each in Dimension]
    for name in names:
        if name not in known:
            raise InvalidField("group_by", expected=f"some of {', '.join(known)}", got=shown(name))
    return tuple(each for each in Dimension if each.value in names)


def _period(parameters: Parameters, window: Window, now: datetime) -> Period:
    end = parameters.time("to") or now
    # An end at the month's very beginning asks for the month before.
    last = end - timedelta(microseconds=1)
    month = last.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start = parameters.time("from") or month
    if start >= end:
        raise InvalidField(
            "from",
            expected=f"a time before 'to', which is {end:%Y-%m-%dT%H:%M:%SZ}",
            got=f"{start:%Y-%m-%dT%H:%M:%SZ}",
        )
    period, most = around(start, end), MAX_DAYS[window]
    if period.hours() > most * 24:
        raise InvalidField(
            "from",
            expected=f"at most {most} days before 'to' with window={window.value}",
            got=f"{period.hours() / 24:.0f} days; ask for one part after the other",
        )
    return period
