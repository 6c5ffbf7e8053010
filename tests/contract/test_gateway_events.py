"""L1: the same request in each form in which API Gateway hands it over."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from .bodies import LENGTH, Request, read, request_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .discovery import Catalogue, Echo
    from .server import Server
    from .transport import Answer

    Invoke = Callable[[dict[str, Any]], Answer]

NOW_MS = "requestTimeEpoch"


@pytest.fixture
def invoke(server: Server) -> Invoke:
    """Hands an event to our handler."""
    found = getattr(server.transport, "invoke", None)
    if found is None:
        pytest.skip("API Gateway's events reach our handler in the process alone")
    return found


@pytest.fixture
def headers(server: Server) -> dict[str, str]:
    """The headers of a client that has a key."""
    return server._credential | {"Host": "example.test", "User-Agent": "contract"}


def rest_event(
    method: str, path: str, headers: dict[str, str], body: bytes, /, **changes: Any
) -> dict[str, Any]:
    """Payload 1.0, as a REST API sends it."""
    from tests.cloud import proxy_event

    event = proxy_event(method, path, headers=headers)
    return {**event, **_text(body), **changes}


def http_event(
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    /,
    stage: str = "$default",
    **changes: Any,
) -> dict[str, Any]:
    """Payload 2.0, as an HTTP API sends it: header names in lower case, the stage in the path.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    event = rest_event(method, path, headers, body)
    context, raw_path = event["requestContext"], path if stage == "$default" else f"/{stage}{path}"
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": raw_path,
        "rawQueryString": "",
        "headers": {name.lower(): value for name, value in headers.items()},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.execute-api.eu-west-1.amazonaws.com",
            "domainPrefix": "api",
            "http": {
                "method": method,
                "path": raw_path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "contract",
            },
            "requestId": context["requestId"],
            "routeKey": "$default",
            "stage": stage,
            "time": "25/Nov/2026:11:09:02 +0000",
            "timeEpoch": context[NOW_MS],
        },
        **_text(body),
        **changes,
    }


def _text(body: bytes) -> dict[str, Any]:
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True} if body else {}


EVENTS = pytest.mark.parametrize("event", [rest_event, http_event], ids=["1.0", "2.0"])


def check(answer: Answer, echo: Echo) -> None:
    assert read(answer).outputs == [echo.sample().named(echo.output.name)]


@EVENTS
def test_l1_a_body_in_base64(catalogue: Catalogue, invoke, headers, event) -> None:
    echo = catalogue.any()
    sent = request_of(echo.sample(), form="binary")
    path = f"{echo.path}/infer"
    check(invoke(event("POST", path, headers | sent.headers, sent.body)), echo)


@EVENTS
def test_l1_a_body_as_text(catalogue: Catalogue, invoke, headers, event) -> None:
    echo = catalogue.any()
    sent = request_of(echo.sample(), id="z\u017c", utf8=True)
    text = {"body": sent.body.decode(), "isBase64Encoded": False}
    answer = invoke(event("POST", f"{echo.path}/infer", headers, b"", **text))
    check(answer, echo)
    assert answer.json["id"] == "z\u017c"


@EVENTS
def test_l1_an_answer_in_binary(catalogue: Catalogue, invoke, headers, event) -> None:
    echo = catalogue.any()
    sent = request_of(echo.sample(), parameters={"binary_data_output": True})
    answer = invoke(event("POST", f"{echo.path}/infer", headers, sent.body))
    assert answer.header(LENGTH) is not None
    check(answer, echo)


@EVENTS
@pytest.mark.parametrize("case", [str.lower, str.upper, str.title], ids=["lower", "upper", "title"])
def test_l1_header_names_in_any_case(
    catalogue: Catalogue, invoke, headers, event, case: Callable[[str], str]
) -> None:
    echo = catalogue.any()
    sent = request_of(echo.sample(), form="binary")
    cased = {case(name): value for name, value in (headers | sent.headers).items()}
    check(invoke(event("POST", f"{echo.path}/infer", cased, sent.body)), echo)


@EVENTS
def test_l1_no_body(catalogue: Catalogue, invoke, headers, event) -> None:
    answer = invoke(event("GET", catalogue.any().path, headers, b""))
    assert answer.json["name"] == catalogue.any().model.name
    nothing = {"body": None, "isBase64Encoded": False}
    assert invoke(event("GET", "/v2", headers, b"", **nothing)).status == 200


def test_l1_headers_in_one_of_two_fields(catalogue: Catalogue, invoke, headers) -> None:
    path, many = catalogue.any().path, {name: [value] for name, value in headers.items()}
    for fields in (
        {"headers": headers, "multiValueHeaders": None},
        {"headers": None, "multiValueHeaders": many},
        {"headers": headers, "multiValueHeaders": many},
    ):
        assert invoke(rest_event("GET", path, {}, b"", **fields)).status == 200


def test_l1_no_headers_at_all(invoke) -> None:
    fields = {"headers": None, "multiValueHeaders": None}
    assert invoke(rest_event("GET", "/v2/health/live", {}, b"", **fields)).status == 200


@pytest.mark.parametrize("stage", ["live", "v2", "prod"])
def test_l1_a_stage_is_no_part_of_the_path(catalogue: Catalogue, invoke, headers, stage) -> None:
    echo = catalogue.any()
    sent = request_of(echo.sample())
    path = f"{echo.path}/infer"
    event = rest_event("POST", path, headers, sent.body)
    event["requestContext"] |= {"stage": stage, "path": f"/{stage}{path}"}
    check(invoke(event), echo)
    check(invoke(http_event("POST", path, headers, sent.body, stage=stage)), echo)


@EVENTS
def test_l1_a_path_is_decoded_once(invoke, headers, event) -> None:
    answer = invoke(event("GET", "/v2/models/a%2520b", headers, b""))
    assert answer.status == 404
    assert "a%20b" in answer.json["error"]


@EVENTS
@pytest.mark.parametrize("encoded", [True, False], ids=["base64", "text"])
def test_l1_an_error_is_an_error_in_each_form(
    catalogue: Catalogue, server: Server, invoke, headers, event, encoded: bool
) -> None:
    fields = {} if encoded else {"body": "{", "isBase64Encoded": False}
    answer = invoke(event("POST", f"{catalogue.any().path}/infer", headers, b"{", **fields))
    server.refuses(answer)


@pytest.mark.parametrize("damage", [{"body": "%%%"}, {"body": "a"}, {"body": 5}], ids=repr)
@EVENTS
def test_l1_a_damaged_body_is_refused(
    catalogue: Catalogue, server: Server, invoke, headers, event, damage: dict[str, Any]
) -> None:
    path = f"{catalogue.any().path}/infer"
    server.refuses(invoke(event("POST", path, headers, b"{}", **damage)))


@pytest.mark.parametrize("event", [{}, {"version": "2.0"}, {"Records": []}], ids=json.dumps)
def test_l1_an_event_of_another_kind_is_refused(server: Server, invoke, event) -> None:
    server.refuses(invoke(event))


def test_l1_both_payloads_are_one_request(catalogue: Catalogue, invoke, headers) -> None:
    echo = catalogue.any()
    sent = Request(request_of(echo.sample()).body)
    answers = [
        invoke(event("POST", f"{echo.path}/infer", headers, sent.body)).json
        for event in (rest_event, http_event)
    ]
    assert answers[0] == answers[1]
