"""CloudWatch Logs, written to in this process."""
# ruff: noqa: SLF001 - private names are this package's subject

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack.services import cloudwatch_logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.local.output import Line


def write_log(group: str, stream: str, lines: Sequence[Line]) -> None:
    """Add lines to a stream, which is made, with its group, if there is none."""
    where = {"logGroupName": group, "logStreamName": stream}
    cloudwatch_logs._create_log_group({"logGroupName": group})  # both answer 400 if it exists
    cloudwatch_logs._create_log_stream(where)
    events = [{"timestamp": line.time_ms, "message": line.text} for line in lines]
    cloudwatch_logs._put_log_events({**where, "logEvents": events})
