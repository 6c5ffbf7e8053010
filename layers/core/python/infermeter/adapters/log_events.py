"""A CloudWatch log group's lines of JSON, in a span of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from infermeter.adapters.clients import translated
from infermeter.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_logs import CloudWatchLogsClient

PAGE = 10_000


def documents(
    client: CloudWatchLogsClient, group: str, pattern: str, start_ms: int, end_ms: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line that is a JSON object, with when it was written (epoch ms), page by page.

    Of a million lines, some 500 pages: a page holds 1 MB. `pattern` spares those that nobody
    wants, where the service knows patterns: the caller must look at what it gets. Raises
    StoreUnavailable, for a log group that is not there, too: what it would say is not known.
    """
    for event in _events(client, group, pattern, start_ms, end_ms):
        try:
            document = orjson.loads(event["message"])
        except orjson.JSONDecodeError:
            continue  # what the runtime writes between our lines
        if isinstance(document, dict):
            yield event["timestamp"], document


def _events(
    client: CloudWatchLogsClient, group: str, pattern: str, start_ms: int, end_ms: int
) -> Iterator[Any]:
    arguments: dict[str, Any] = {
        "logGroupName": group,
        "filterPattern": pattern,
        "startTime": max(start_ms, 0),
        "endTime": end_ms - 1,  # it is included
        "limit": PAGE,
    }
    seen: set[str] = set()
    while True:
        with translated(f"log group {group}"):
            page = client.filter_log_events(**arguments)
        events = page["events"]
        yield from (event for event in events if event["eventId"] not in seen)
        if token := page.get("nextToken"):
            arguments["nextToken"] = token
        elif len(events) < PAGE:
            return
        else:
            # An emulator that has no tokens stops at the limit: on from there.
            arguments.pop("nextToken", None)
            last = events[-1]["timestamp"]
            if last == arguments["startTime"]:
                raise StoreUnavailable(f"log group {group}: over {PAGE} lines in a millisecond")
            arguments["startTime"] = last
            seen = {event["eventId"] for event in events if event["timestamp"] == last}
