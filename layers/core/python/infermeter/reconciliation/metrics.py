"""A run's metrics, as lines in CloudWatch's embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infermeter.metering.findings import FindingKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infermeter.reconciliation.report import Report


def metric_lines(report: Report, namespace: str, now: float) -> Iterator[dict[str, Any]]:
    """One line for each kind of finding, of none, too: an alarm without data tells nothing."""
    directive = {
        "Namespace": namespace,
        "Dimensions": [["finding"]],
        "Metrics": [{"Name": "Findings", "Unit": "Count"}],
    }
    for kind in FindingKind:
        yield {
            "level": "INFO",
            "message": "findings",
            "_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]},
            "finding": kind.value,
            "Findings": report.counts[kind],
        }
