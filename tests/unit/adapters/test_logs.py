"""CloudWatch's logs read as answers and passages, page by page."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from infermeter.adapters.access_log import CloudWatchAccessLog
from infermeter.adapters.function_log import CloudWatchFunctionLog
from infermeter.adapters.log_events import PAGE, documents
from infermeter.errors import StoreUnavailable
from infermeter.metering.ledger import Billed
from infermeter.reconciliation.answers import mark
from tests.cloud import ACCESS_LOG, FUNCTION_LOG, Cloud

NOW_MS = int(time.time() * 1000)


@dataclass
class Emulator:
    """FilterLogEvents without tokens: it stops at its limit."""

    events: list[dict[str, Any]]
    limit: int = PAGE
    calls: list[dict[str, Any]] = field(default_factory=list)

    def filter_log_events(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append(arguments)
        start, end = arguments["startTime"], arguments["endTime"]
        found = [event for event in self.events if start <= event["timestamp"] <= end]
        return {"events": found[: self.limit]}


def events(*times: int) -> list[dict[str, Any]]:
    return [
        {"eventId": str(number), "timestamp": at, "message": json.dumps({"number": number})}
        for number, at in enumerate(times)
    ]


def write(group: str, *lines: Any) -> None:
    client = boto3.client("logs")
    client.create_log_stream(logGroupName=group, logStreamName="stream")
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    told = [{"timestamp": NOW_MS + n, "message": text} for n, text in enumerate(texts)]
    client.put_log_events(logGroupName=group, logStreamName="stream", logEvents=told)


def access(**changes: str) -> dict[str, str]:
    line = {
        "request_id": "g",
        "time": str(NOW_MS),
        "method": "POST",
        "path": "/live/v2/models/m/infer",
        "status": "200",
    }
    return line | changes


def test_a_page_that_is_cut_off_is_gone_on_from() -> None:
    times = [number // 3 for number in range(2 * PAGE + 500)]
    client = Emulator(events(*times))
    got = [line["number"] for _, line in documents(client, "group", "", 0, 10**6)]
    assert got == list(range(len(times)))


def test_more_lines_in_a_millisecond_than_a_page_holds() -> None:
    client = Emulator(events(*[5] * (PAGE + 1)))
    with pytest.raises(StoreUnavailable, match="in a millisecond"):
        list(documents(client, "group", "", 5, 10))


def test_pages_are_followed_by_their_tokens_even_when_empty() -> None:
    pages = [([], "a"), (events(1), "b"), ([], None)]
    calls: list[Any] = []

    class Service:
        def filter_log_events(self, **arguments: Any) -> dict[str, Any]:
            calls.append(arguments.get("nextToken"))
            found, token = pages[len(calls) - 1]
            return {"events": found} | ({"nextToken": token} if token else {})

    assert len(list(documents(Service(), "group", "", 0, 10))) == 1
    assert calls == [None, "a", "b"]


def test_the_end_is_not_included() -> None:
    client = Emulator(events(9, 10))
    assert [at for at, _ in documents(client, "group", "", 0, 10)] == [9]


def test_answers_on_charged_routes_alone(cloud: Cloud) -> None:
    write(
        ACCESS_LOG,
        access(),
        access(request_id="e", path="/live/v1/embeddings", status="504"),
        access(request_id="v", path="/v2/models/m/versions/2/infer", status="429"),
        access(method="GET"),
        access(path="/live/v2/models/m/ready"),
        access(path="/live/v2/uploads"),
        "not JSON",
    )
    log = CloudWatchAccessLog(boto3.client("logs"), ACCESS_LOG)
    got = [(a.gateway, a.status, a.delivered) for a in log.answers(NOW_MS, NOW_MS + 1)]
    assert got == [
        (mark("g"), 200, True),
        (mark("e"), 504, False),
        (mark("v"), 429, False),
    ]


def test_an_answer_that_the_gateway_does_not_know_is_none(cloud: Cloud) -> None:
    write(ACCESS_LOG, access(status="-"), access(time="-"), access(request_id="h"))
    log = CloudWatchAccessLog(boto3.client("logs"), ACCESS_LOG)
    assert [a.gateway for a in log.answers(NOW_MS, NOW_MS + 1)] == [mark("h")]


@pytest.mark.parametrize("path", ["/m/%69nfer", "/m%2Finfer", "/m/%2569nfer", "/%/m/infer"])
def test_an_answer_counts_however_its_path_was_written(cloud: Cloud, path: str) -> None:
    write(ACCESS_LOG, access(path=f"/live/v2/models{path}"))
    log = CloudWatchAccessLog(boto3.client("logs"), ACCESS_LOG)
    assert [a.gateway for a in log.answers(NOW_MS, NOW_MS + 1)] == [mark("g")]


def test_answers_by_the_time_at_which_they_came_in(cloud: Cloud) -> None:
    write(ACCESS_LOG, access(time=str(NOW_MS - 20_000)), access(request_id="h"))
    log = CloudWatchAccessLog(boto3.client("logs"), ACCESS_LOG)
    assert [a.gateway for a in log.answers(NOW_MS - 20_000, NOW_MS)] == [mark("g")]


def test_passages_without_and_with_new_charges(cloud: Cloud) -> None:
    kinds = ("new", "replay", "pending")
    told = [
        {
            "message": "request",
            "request": {
                "gateway_id": f"g-{kind}",
                "tenant": "acme",
                "request_id": kind,
                "billed": kind,
            },
        }
        for kind in kinds
    ]
    refused = {"message": "request", "request": {"gateway_id": "r", "status": 429}}
    write(FUNCTION_LOG, "START", *told, refused, {"request": "text"}, {"message": "other"})
    log = CloudWatchFunctionLog(boto3.client("logs"), FUNCTION_LOG)
    window = (NOW_MS, NOW_MS + 60_000)
    assert [passage.billed for passage in log.passages(*window)] == [
        Billed.REPLAY,
        Billed.PENDING,
    ]
    everything = list(log.passages(*window, new=True))
    assert [passage.request_id for passage in everything] == list(kinds)
    assert everything[0].gateway == mark("g-new")
    assert everything[0].key == mark("acme", "new")


def test_a_log_that_is_not_there(cloud: Cloud) -> None:
    log = CloudWatchAccessLog(boto3.client("logs"), "nowhere")
    with pytest.raises(StoreUnavailable, match="log group nowhere"):
        list(log.answers(0, 1))
