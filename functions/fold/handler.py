"""Seals hours, closes months, reclaims leases: every five minutes with any event, or as one asks.

Events: `{}`; `{"until":"<yyyymmddhh>"}`, no hour after that one; `{"repair":"<yyyymmddhh>"}`, which
archives what the table has of an hour and the archive lacks.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from infermeter.errors import MalformedEvent
from infermeter.metering.hours import after
from infermeter.wiring.metering import Metering

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Left over for what a run has begun when it must stop: the last tenant's folds, the report.
RESERVE_S = 20.0

logger = Logger()
wiring = Metering.from_environment(os.environ)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The event's act and its report; MalformedEvent for an hour that is none."""
    if "repair" in event:
        hour = _hour(event, "repair")
        repaired = {"repaired": hour, "entries": wiring.sealing.repair(hour)}
        logger.warning("repair", extra=repaired)
        return repaired
    until = _hour(event, "until") if "until" in event else ""
    remaining_s = context.get_remaining_time_in_millis() / 1000
    deadline = wiring.clock() + remaining_s - RESERVE_S
    report = wiring.sealing.run(deadline=deadline, until=until)
    document = report.document()
    for disagreement in document["disagreements"]:
        logger.error("the folds of an hour differ", extra={"disagreement": disagreement})
    for failure in report.failures:
        logger.error("an hour could not be sealed", extra={"failure": failure})
    logger.info("sealed", extra={"report": document})
    closed = wiring.closing.run(deadline)
    for failure in closed.failures:
        logger.error("a month could not be closed", extra={"failure": failure})
    reclaimed = wiring.reclaimer.run()
    logger.info("reclaimed", extra={"report": reclaimed._asdict()})
    return document | {"statements": closed.document()["kept"]}


def _hour(event: dict[str, Any], name: str) -> str:
    hour = event[name]
    try:
        # Python's own reading takes shorter ones too.
        read = after(hour, 0)
    except (TypeError, ValueError):
        read = ""
    if not read or read != hour:
        raise MalformedEvent(f"{name}: expected an hour as yyyymmddhh, got {hour!r}")
    return str(hour)
