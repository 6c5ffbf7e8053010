"""What options say of time and of limits."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Annotated

import typer

from infermeter.errors import InvalidRequest
from infermeter.limits.terms import Budget, Limits, Rate
from infermeter.metering.measures import Measure

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(r"(?P<number>[0-9]{1,9})(?P<unit>[smhdw])")
_BUDGET = re.compile(r"(?P<amount>[0-9][0-9_]{0,18})(?:\s+(?P<measure>[a-z_]+))?")

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


def parse_budget(text: str) -> Budget:
    """`1000`, of the models' own units, or `1000 row`. Raises InvalidRequest."""
    match = _BUDGET.fullmatch(text.strip())
    measures = [measure.value for measure in Measure]
    measure = (match["measure"] or Measure.UNIT.value) if match else ""
    if match is None or measure not in measures or not int(match["amount"]):
        raise InvalidRequest(
            f"budget: expected a number over 0 and one of {', '.join(measures)}, got '{text}'"
        )
    return Budget(int(match["amount"]), Measure(measure))


def limits(rate: float | None, burst: int | None, budget: str | None) -> Limits:
    """Of the options. Raises InvalidRequest."""
    if rate is None and burst is not None:
        raise InvalidRequest("burst: expected a rate with it, got none")
    if rate is not None and not 0 < rate < math.inf:
        raise InvalidRequest(f"rate: expected a number over 0, got {rate}")
    if burst is not None and burst < 1:
        raise InvalidRequest(f"burst: expected 1 or more, got {burst}")
    return Limits(
        None if rate is None else Rate(rate, burst or max(1, math.ceil(rate))),
        None if budget is None else parse_budget(budget),
    )


def shown_time(at: float | None, none: str = "-") -> str:
    """A time in UTC as it is read by people."""
    return none if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%SZ}"
