"""Requests as events, and answers as responses."""

from __future__ import annotations

import base64

import pytest

from infra.local.gateway import MalformedAnswer, Place, Request, is_binary, proxy_event, response

PLACE = Place(
    api_id="abc",
    stage="live",
    account="000000000000",
    region="us-east-1",
    resource_id="r",
    resource_path="/{proxy+}",
    path_parameters={"proxy": "v2/x"},
    stage_variables=None,
    binary_media_types=("*/*",),
)
REQUEST = Request(
    "POST",
    "/v2/x",
    headers=(("X-Tag", "a"), ("x-tag", "b"), ("Host", "localhost"), ("Connection", "close")),
    query="q=1&q=2&empty=",
    body=b"\xff\x00",
)


def test_a_binary_body_is_base64():
    event = proxy_event(REQUEST, PLACE)
    assert (event["body"], event["isBase64Encoded"]) == (
        base64.b64encode(b"\xff\x00").decode(),
        True,
    )


def test_an_empty_body_is_null():
    event = proxy_event(Request("GET", "/"), PLACE)
    assert (event["body"], event["isBase64Encoded"]) == (None, False)


def test_repeated_headers_are_kept_and_the_last_one_is_single():
    event = proxy_event(REQUEST, PLACE)
    assert event["multiValueHeaders"]["X-Tag"] == ["a", "b"]
    assert event["headers"]["X-Tag"] == "b"


def test_the_host_is_the_apis_and_connection_headers_are_gone():
    headers = proxy_event(REQUEST, PLACE)["headers"]
    assert headers["Host"] == "abc.execute-api.us-east-1.amazonaws.com"
    assert "Connection" not in headers


def test_query_parameters_come_in_both_forms():
    event = proxy_event(REQUEST, PLACE)
    assert event["queryStringParameters"] == {"q": "2", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"], "empty": [""]}


def test_the_context_tells_who_when_and_where():
    context = proxy_event(REQUEST, PLACE)["requestContext"]
    assert context["requestId"] == REQUEST.request_id
    assert context["requestTimeEpoch"] == int(REQUEST.received * 1000)
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["path"] == "/live/v2/x"


@pytest.mark.parametrize(
    ("accept", "patterns", "binary"),
    [
        (None, ("*/*",), True),
        ("application/json", ("*/*",), True),
        ("image/png", ("image/*",), True),
        ("text/plain, image/png", ("image/*",), False),
        (None, (), False),
    ],
)
def test_the_first_media_type_decides(accept: str | None, patterns: tuple[str, ...], binary: bool):
    assert is_binary(accept, patterns) is binary


def test_a_base64_answer_is_decoded():
    answer = {"statusCode": 200, "body": "/wA=", "isBase64Encoded": True}
    assert response(answer, REQUEST, PLACE).body == b"\xff\x00"


def test_headers_of_both_kinds_are_merged_and_the_multiple_win():
    answer = {
        "statusCode": 200,
        "headers": {"content-type": "text/plain", "x-a": "1"},
        "multiValueHeaders": {"X-A": ["2", "3"]},
    }
    headers = response(answer, REQUEST, PLACE).headers
    assert headers == (("content-type", "text/plain"), ("X-A", "2"), ("X-A", "3"))


def test_json_is_the_default_content_type():
    assert response({"statusCode": 204}, REQUEST, PLACE).headers == (
        ("Content-Type", "application/json"),
    )


def test_the_challenge_of_a_401_is_renamed():
    answer = {"statusCode": 401, "headers": {"WWW-Authenticate": "Bearer"}}
    names = dict(response(answer, REQUEST, PLACE).headers)
    assert names["x-amzn-Remapped-WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "text",
        {"body": "no status"},
        {"statusCode": 999},
        {"statusCode": 200, "body": {"not": "a string"}},
        {"statusCode": 200, "headers": ["x"]},
        {"statusCode": 200, "headers": {"x": None}},
        {"statusCode": 200, "multiValueHeaders": {"x": "1"}},
        {"statusCode": 200, "body": "not base64!", "isBase64Encoded": True},
    ],
)
def test_a_malformed_answer_is_refused(answer: object):
    with pytest.raises(MalformedAnswer):
        response(answer, REQUEST, PLACE)
