"""Parameters of a query string, refused with their names."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from infermeter.errors import InvalidField
from infermeter.wire.excerpts import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Nothing was metered before, and what is after has no place in four digits of a year.
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_EPOCH = re.compile(r"[0-9]{9,10}(\.[0-9]{1,9})?")
_TIME = "an ISO 8601 time, a date (YYYY-MM-DD) or epoch seconds, from 2000 to 2199"


class Parameters:
    """A query string's; every method raises InvalidField for what is not as expected."""

    def __init__(self, query: Mapping[str, Sequence[str]], known: Sequence[str]) -> None:
        """Refuses names that are not known: one that is misspelled would change nothing."""
        for name in query:
            if name not in known:
                expected = f"parameters among {', '.join(known)}" if known else "no parameter"
                raise InvalidField("query", expected=expected, got=shown(name))
        self._query = query

    def text(self, name: str) -> str | None:
        """The value; None where it is left out. One that comes twice is refused."""
        values = self._query.get(name, ())
        if len(values) > 1:
            raise InvalidField(name, expected="one value", got=f"{len(values)} of them")
        return values[0] if values else None

    def texts(self, name: str) -> list[str] | None:
        """Values that are separated by commas, or given one by one; None where it is left out."""
        values = self._query.get(name)
        if values is None:
            return None
        return [part.strip() for value in values for part in value.split(",") if part.strip()]

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """One of a few words."""
        value = self.text(name)
        if value is not None and value not in choices:
            raise InvalidField(name, expected=f"one of {', '.join(choices)}", got=shown(value))
        return default if value is None else value

    def number(self, name: str, most: int, default: int) -> int:
        """A whole number from 1 to `most`."""
        value = self.text(name)
        if value is None:
            return default
        if not re.fullmatch(r"[0-9]{1,9}", value) or not 1 <= int(value) <= most:
            raise InvalidField(name, expected=f"a number from 1 to {most}", got=shown(value))
        return int(value)

    def time(self, name: str) -> datetime | None:
        """A time, UTC where it names no zone; None where it is left out."""
        value = self.text(name)
        if value is None:
            return None
        time = parse_time(value)
        if time is None:
            raise InvalidField(name, expected=_TIME, got=shown(value))
        return time


def parse_time(text: str) -> datetime | None:
    """A time as a caller may write it; None for what is none, or far from any bill."""
    try:
        if _EPOCH.fullmatch(text):
            time = datetime.fromtimestamp(float(text), UTC)
        else:
            # A plus that was not percent-encoded came as a space.
            time = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
            time = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return time if EARLIEST <= time < LATEST else None
