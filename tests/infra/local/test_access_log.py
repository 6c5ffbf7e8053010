"""A stage's access log, in the template's own format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import urllib3

from infra.local.access_log import Passage, line
from infra.local.gateway import Request, Response, proxy_event
from tests.infra.local.running import eventually
from tests.infra.local.test_gateway import PLACE

if TYPE_CHECKING:
    from tests.infra.local.running import Local


def entry_of(local: Local, request_id: str) -> dict[str, str]:
    client, group = local.client("logs"), local.outputs["AccessLog"]

    def find() -> list[dict[str, str]]:
        events = client.filter_log_events(logGroupName=group)["events"]
        entries = [json.loads(event["message"]) for event in events]
        return [entry for entry in entries if entry["request_id"] == request_id]

    (entry,) = eventually(find)
    return entry


def test_a_line_fills_in_what_is_known_and_marks_the_rest():
    request = Request("GET", '/a"b', request_id="r", received=1.5)
    request.passage.status = 200
    template = (
        '{"id":"$context.requestId","time":"$context.requestTimeEpoch","path":"$context.path",'
        '"status":"$context.status","from":"$context.integration.integrationStatus",'
        '"error":"$context.error.responseType","caller":"$context.identity.caller"}'
    )
    text = line(template, "live", request, Response(502, (), b""), 1.0)
    assert json.loads(text) == {
        "id": "r",
        "time": "1500",
        "path": '/live/a"b',
        "status": "502",
        "from": "200",
        "error": "-",
        "caller": "-",
    }


def test_a_line_may_name_the_id_that_the_event_has():
    request = Request("GET", "/a")
    text = line('"$context.extendedRequestId"', "live", request, Response(200, (), b""), 1.0)
    assert json.loads(text) == proxy_event(request, PLACE)["requestContext"]["extendedRequestId"]


def test_no_two_requests_share_what_is_noted_of_them():
    assert Request("GET", "/").passage == Passage()
    assert Request("GET", "/").passage is not Request("GET", "/").passage


@pytest.mark.parametrize(
    ("path", "status", "integration", "error"),
    [
        ("/logged", "200", "200", "-"),
        ("/raise", "502", "200", "DEFAULT_5XX"),
        ("/malformed", "502", "200", "DEFAULT_5XX"),
    ],
)
def test_every_answer_is_in_the_stages_log_group(
    local: Local, path: str, status: str, integration: str, error: str
):
    answer = urllib3.request("GET", local.url + path, retries=False, timeout=60)
    entry = entry_of(local, answer.headers["x-amzn-RequestId"])
    assert entry["path"] == f"/live{path}"
    assert (entry["status"], entry["integration_status"], entry["error"]) == (
        status,
        integration,
        error,
    )


def test_the_entry_names_the_functions_own_request(local: Local):
    answer = urllib3.request("GET", local.url + "/logged", retries=False, timeout=60)
    entry = entry_of(local, answer.headers["x-amzn-RequestId"])
    group = f"/aws/lambda/{local.outputs['EchoFunction']}"
    events = local.client("logs").filter_log_events(logGroupName=group)["events"]
    report = f"REPORT RequestId: {entry['function_request_id']}"
    assert any(event["message"].startswith(report) for event in events)


def test_what_is_too_large_never_reaches_the_function(local: Local):
    answer = urllib3.request("POST", local.url + "/size", body=b"x" * 11_000_000, timeout=60)
    entry = entry_of(local, answer.headers["x-amzn-RequestId"])
    assert (entry["status"], entry["error"]) == ("413", "REQUEST_TOO_LARGE")
    assert (entry["integration_status"], entry["function_request_id"]) == ("-", "-")
