"""The log of the function behind the gateway: the lines of `telemetry.record_exchange`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.adapters.log_events import documents
from infermeter.metering.ledger import Billed
from infermeter.reconciliation.answers import Passage, mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_logs import CloudWatchLogsClient

PATTERN = '{ ($.request.billed = "replay") || ($.request.billed = "pending") }'
PATTERN_WITH_NEW = '{ $.request.billed = "*" }'


class CloudWatchFunctionLog:
    """The `FunctionLog` over a log group."""

    def __init__(self, client: CloudWatchLogsClient, group: str) -> None:
        self._client, self._group = client, group

    def passages(self, start_ms: int, end_ms: int, *, new: bool = False) -> Iterator[Passage]:
        """Lines by when they were written."""
        pattern = PATTERN_WITH_NEW if new else PATTERN
        for at_ms, line in documents(self._client, self._group, pattern, start_ms, end_ms):
            request = line.get("request")
            if not isinstance(request, dict) or "billed" not in request:
                continue
            billed = Billed(request["billed"])
            if new or billed is not Billed.NEW:
                yield Passage(
                    mark(request["gateway_id"]),
                    request["tenant"],
                    request["request_id"],
                    billed,
                    at_ms,
                )
