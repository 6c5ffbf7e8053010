"""In which format an answer is wanted."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from infermeter.errors import InvalidField
from infermeter.wire.excerpts import shown

if TYPE_CHECKING:
    from infermeter.wire.http import HttpRequest


class Format(Enum):
    """A format's name, as `?format=` has it, and its media type, as `Accept` has it."""

    JSON = ("json", "application/json")
    CSV = ("csv", "text/csv")
    HTML = ("html", "text/html")


def negotiate(request: HttpRequest, *offered: Format) -> Format:
    """The format that `?format=` names, else the one that `Accept` likes best, else the first.

    Raises InvalidField for a `format` that is not offered.
    """
    given = request.query.get("format")
    if given:
        found = next((each for each in offered if [each.value[0]] == list(given)), None)
        if found is None:
            names = ", ".join(each.value[0] for each in offered)
            raise InvalidField("format", expected=f"one of {names}", got=shown(",".join(given)))
        return found
    accepted = _accepted(request.headers.get("accept", ""))
    # Of equals the first offered wins.
    return max(offered, key=lambda each: _liking(each, accepted))


def _accepted(header: str) -> dict[str, float]:
    """Quality by media range. Source: RFC 9110, section 12.5.1."""
    accepted: dict[str, float] = {}
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        try:
            accepted[name] = float(quality)
        except ValueError:
            accepted[name] = 0.0
    return accepted


def _liking(each: Format, accepted: dict[str, float]) -> float:
    kind = each.value[1]
    ranges = (kind, f"{kind.partition('/')[0]}/*", "*/*")
    return next((accepted[name] for name in ranges if name in accepted), 0.0)
