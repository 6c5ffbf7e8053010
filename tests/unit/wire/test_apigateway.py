"""Proxy events in, proxy answers out."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import MalformedEvent
from infermeter.wire.apigateway import decode_event, encode_answer
from infermeter.wire.http import HttpRequest, HttpResponse
from infermeter.wire.limits import escaped_size
from tests.cloud import proxy_event
from tests.strategies import json_values


def test_a_text_body_is_read_as_utf8() -> None:
    assert decode_event(proxy_event("POST", "/v2", body="ż")).body == "ż".encode()


def test_a_base64_body_is_decoded() -> None:
    body = base64.b64encode(b"\0\xff").decode()
    assert decode_event(proxy_event("POST", "/v2", body=body, base64=True)).body == b"\0\xff"


def test_no_body_is_an_empty_one() -> None:
    assert decode_event(proxy_event("GET", "/v2")).body == b""


def test_header_names_are_lower_case() -> None:
    assert decode_event(proxy_event("GET", "/v2", headers={"X-Api-KEY": "a"})).headers == {
        "x-api-key": "a"
    }


def test_headers_of_one_kind_suffice() -> None:
    event = proxy_event("GET", "/v2", headers={"A": "1"})
    event["multiValueHeaders"] = None
    assert decode_event(event).headers == {"a": "1"}


def test_the_path_is_percent_decoded() -> None:
    assert decode_event(proxy_event("GET", "/v2/models/a%20b")).path == "/v2/models/a b"


def test_every_value_of_a_parameter_is_kept() -> None:
    event = proxy_event("GET", "/v1/usage")
    event["queryStringParameters"] = {"a": "2", "b": ""}
    assert decode_event(event).query == {"a": ["2"], "b": [""]}
    event["multiValueQueryStringParameters"] = {"a": ["1", "2"], "b": [""]}
    assert decode_event(event).query == {"a": ["1", "2"], "b": [""]}


def test_a_request_goes_by_the_id_that_no_caller_can_choose() -> None:
    # One id for two requests would let an answer to the one pass for the other's.
    event = proxy_event("GET", "/v2", request_id="chosen")
    assert decode_event(event).gateway_id == "chosen"
    event["requestContext"]["extendedRequestId"] = "VcB1XEjmDoEFpzw="
    assert decode_event(event).gateway_id == "VcB1XEjmDoEFpzw="


def test_a_query_of_payload_2_is_decoded() -> None:
    context = {"stage": "$default", "requestId": "r", "timeEpoch": 1, "http": {"method": "GET"}}
    event = {"version": "2.0", "rawPath": "/v1/usage", "requestContext": context}
    assert decode_event(event).query == {}
    query = "a=1&a=%2B2&b="
    assert decode_event(event | {"rawQueryString": query}).query == {"a": ["1", "+2"], "b": [""]}


@pytest.mark.parametrize(
    "change",
    [
        {"requestContext": None},
        {"requestContext": {"requestId": "a"}},
        {"requestContext": {"requestId": "a", "requestTimeEpoch": float("inf")}},
        {"httpMethod": None, "path": None},
        {"headers": ["a"], "multiValueHeaders": None},
        {"multiValueHeaders": {"a": None}},
        {"body": "%", "isBase64Encoded": True},
        {"body": "ż", "isBase64Encoded": True},
        {"body": {"a": 1}, "isBase64Encoded": True},
        {"body": "\ud800"},
    ],
)
def test_another_kind_of_event_is_refused(change: dict) -> None:
    with pytest.raises(MalformedEvent, match="API Gateway"):
        decode_event(proxy_event("GET", "/v2") | change)


@given(json_values)
def test_any_event_is_a_request_or_refused(event: object) -> None:
    try:
        decode_event(event)
    except MalformedEvent:
        return


@given(
    st.dictionaries(
        st.sampled_from([*proxy_event("GET", "/v2")]), json_values, min_size=1, max_size=3
    )
)
def test_a_damaged_event_is_a_request_or_refused(damage: dict) -> None:
    try:
        assert isinstance(decode_event(proxy_event("GET", "/v2") | damage), HttpRequest)
    except MalformedEvent:
        return


def test_a_binary_answer_travels_in_base64() -> None:
    answer = encode_answer(HttpResponse(200, b"\0\xff", {"a": "b"}, binary=True))
    assert answer == {
        "statusCode": 200,
        "headers": {"a": "b"},
        "body": "AP8=",
        "isBase64Encoded": True,
    }


@given(st.text())
def test_the_escaped_size_is_that_of_the_body_in_lambdas_answer(text: str) -> None:
    body = json.dumps({"data": [text]}, ensure_ascii=False)
    as_lambda_sends_it = json.dumps(body, ensure_ascii=False)
    assert escaped_size(body.encode()) == len(as_lambda_sends_it.encode()) - 2
