"""What is known of a training job, as DescribeTrainingJob gives it, and the job's log."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import boto3

    from infra.local.output import Line

LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class JobReport:
    """Keeps a job's document up to date, and writes its log."""

    def __init__(self, document: dict[str, Any], session: boto3.Session, endpoint: str) -> None:
        self._document = document
        self._logs = session.client("logs", endpoint_url=endpoint)
        self._stream = f"{document['TrainingJobName']}/algo-1-{int(time.time())}"
        self._opened = False

    def status(self, secondary: str, message: str) -> None:
        enter(self._document, secondary, message)

    def log(self, lines: Sequence[Line]) -> None:
        if not lines:
            return
        self._open()
        self._logs.put_log_events(
            logGroupName=LOG_GROUP,
            logStreamName=self._stream,
            logEvents=[{"timestamp": line.time_ms, "message": line.text or " "} for line in lines],
        )
        found = metric_values(
            lines, self._document.get("AlgorithmSpecification", {}).get("MetricDefinitions", [])
        )
        final = {item["MetricName"]: item for item in self._document.get("FinalMetricDataList", [])}
        for name, value, at in found:
            final[name] = {"MetricName": name, "Value": value, "Timestamp": at}
        if final:
            self._document["FinalMetricDataList"] = list(final.values())

    def _open(self) -> None:
        if self._opened:
            return
        with suppress(self._logs.exceptions.ResourceAlreadyExistsException):
            self._logs.create_log_group(logGroupName=LOG_GROUP)
        self._logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName=self._stream)
        self._opened = True


def enter(
    document: dict[str, Any], secondary: str, message: str, status: str | None = None
) -> None:
    """Note a secondary status, and the status if it changes."""
    now = time.time()
    transitions = document["SecondaryStatusTransitions"]
    if transitions:
        transitions[-1]["EndTime"] = now
    transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": message})
    document["SecondaryStatus"] = secondary
    document["LastModifiedTime"] = now
    if status or secondary == "Stopping":
        document["TrainingJobStatus"] = status or "Stopping"


def fail(document: dict[str, Any], reason: str) -> None:
    """Note that the job failed, and why."""
    document["FailureReason"] = reason
    enter(document, "Failed", reason, "Failed")


def in_milliseconds(value: Any) -> Any:
    """A copy with its times as Step Functions and events give them: whole milliseconds."""
    if isinstance(value, dict):
        return {
            key: int(item * 1000) if key.endswith(("Time", "Timestamp")) else in_milliseconds(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [in_milliseconds(item) for item in value]
    return value


def metric_values(
    lines: Sequence[Line], definitions: Sequence[Mapping[str, str]]
) -> list[tuple[str, float, float]]:
    """Name, value and Unix time of every metric that the job's regular expressions find."""
    found = []
    for line in lines:
        for definition in definitions:
            for match in re.finditer(definition["Regex"], line.text):
                try:
                    found.append((definition["Name"], float(match[1]), line.time_ms / 1000))
                except (ValueError, IndexError):
                    continue
    return found
