"""What was answered, recorded and billed, compared every half hour; what does not agree is found.

Events: `{}` for all that is due, which a schedule's event is, too; `{"hour": "yyyymmddhh"}` for one
hour anew.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

import orjson
from aws_lambda_powertools import Logger

from infermeter.errors import MalformedEvent
from infermeter.metering.hours import after
from infermeter.reconciliation.metrics import metric_lines
from infermeter.reconciliation.report import finding_document
from infermeter.wiring.reconciliation import Reconciling

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# An hour of 1,000,000 requests may take this long; what cannot be done waits for the next run.
HOUR_S = 300

logger = Logger()
wiring = Reconciling.from_environment(os.environ)
namespace = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "infermeter")


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The report. MalformedEvent for an hour that is none."""
    hour = _hour(event["hour"]) if "hour" in event else None
    until = wiring.clock() + context.get_remaining_time_in_millis() / 1000 - HOUR_S
    report = wiring.reconciliation.run(hour, until=until)
    for finding in report.findings:
        logger.error("finding", extra={"finding": finding_document(finding)})
    for line in metric_lines(report, namespace, time.time()):
        sys.stdout.write(orjson.dumps(line).decode() + "\n")
    return report.document()


def _hour(given: Any) -> str:
    try:
        # Python's own reading takes shorter ones too.
        read = after(given, 0)
    except (TypeError, ValueError):
        read = None
    if read is None or read != given:
        raise MalformedEvent(f"hour: expected yyyymmddhh in UTC, got {given!r}")
    return read
