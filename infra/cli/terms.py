"""What options say of time and of limits."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

import typer

from infermeter.billing.plan_document import parse_limits
from infermeter.errors import InvalidRequest
from infermeter.limits.terms import Limits

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(r"(?P<number>[0-9]{1,9})(?P<unit>[smhdw])")
_WHOLE = re.compile(r"[0-9]{1,18}")

RateOption = Annotated[
    float | None, typer.Option("--rate", help="Requests per second in the long run.")
]
BurstOption = Annotated[
    int | None, typer.Option("--burst", help="Requests at once (default: those of a second).")
]
BudgetOption = Annotated[
    str | None,
    typer.Option(
        "--budget", metavar="AMOUNT [MEASURE]", help="In a month, such as '1000' or '1000 row'."
    ),
]


def parse_duration(text: str) -> int:
    """Seconds of `30d`, `24h`, `90m`, `10s`, `2w`. Raises InvalidRequest."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidRequest(f"duration: expected a number and one of s m h d w, got '{text}'")
    return int(match["number"]) * _SECONDS[match["unit"]]


def parse_moment(text: str, now: float) -> int:
    """Epoch seconds of an ISO date or time (UTC unless it says otherwise), or of so much from now.

    Raises InvalidRequest.
    """
    if _DURATION.fullmatch(text):
        return int(now) + parse_duration(text)
    try:
        moment = datetime.fromisoformat(text)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"time: expected a duration such as 30d, or an ISO date or time, got '{text}'"
        ) from None


def limits(rate: float | None, burst: int | None, budget: str | None) -> Limits:
    """Of the options, a budget as `1000`, of the models' own units, or `1000 row`.

    Raises InvalidRequest.
    """
    document: dict[str, object] = {}
    if rate is not None:
        document["rate"] = rate
    if burst is not None:
        document["burst"] = burst
    if budget is not None:
        amount, _, measure = budget.strip().partition(" ")
        whole = int(amount) if _WHOLE.fullmatch(amount) else amount
        document["budget"] = {"amount": whole}
        if measure:
            document["budget"] = {"amount": whole, "measure": measure.strip()}
    return parse_limits(document, "limits")


def shown_time(at: float | None, none: str = "-") -> str:
    """A time in UTC as it is read by people."""
    return none if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%SZ}"
