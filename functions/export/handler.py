"""By the clock, sealed usage to those who bill by it; what was done, as JSON.

Any event: `{"target": "..."}` exports to one target, all others to all.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from infermeter.wiring.export import Exporting

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Left over for the cursors and the report.
REPORT_S = 5.0

logger = Logger()
wiring = Exporting.from_environment(os.environ)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """One run. A target that failed is told of in the report: the next run is its retry."""
    deadline = time.time() + context.get_remaining_time_in_millis() / 1000 - REPORT_S
    reports = wiring.export_job.run(event.get("target"), deadline)
    document = {"targets": [report.document() for report in reports]}
    troubled = any(report.errors or report.failed for report in reports)
    (logger.error if troubled else logger.info)("export", extra={"report": document})
    return document
