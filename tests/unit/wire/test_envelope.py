"""Queue messages."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import InfermeterError, MalformedBody
from infermeter.wire.envelope import Envelope, decode_envelope
from tests.strategies import json_values

GOOD = {"specversion": "1.0", "key_id": "k", "model": "m", "request": {"inputs": []}}


def decode(**changes: object) -> Envelope:
    return decode_envelope(orjson.dumps(GOOD | changes).decode())


def test_a_message_names_payer_model_and_request() -> None:
    assert decode() == Envelope("k", "m", None, None, {"inputs": []})


def test_version_and_id_may_be_given() -> None:
    envelope = decode(version="2", id="i")
    assert (envelope.version, envelope.id) == ("2", "i")


def test_a_request_may_lie_elsewhere() -> None:
    envelope = decode(request=None, request_uri="s3://b/t/r")
    assert (envelope.request, envelope.request_uri) == (None, "s3://b/t/r")


def test_where_a_request_lies_tells_it_from_another() -> None:
    one, other = (decode(request=None, request_uri=f"s3://b/t/{name}") for name in "ab")
    assert one.canonical_request() != other.canonical_request()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"request_uri": "s3://b/t/r"}, "request_uri: expected none beside a request, got one"),
        ({"request": None, "request_uri": 5}, "request_uri: expected a string, got 5"),
        ({"specversion": "2.0"}, "specversion: expected '1.0', got \"2.0\""),
        ({"specversion": None}, "specversion: expected '1.0', got nothing"),
        ({"request": None}, "request: expected an object"),
        ({"request": []}, "request: expected an object"),
        ({"key_id": ""}, "key_id: expected a string"),
        ({"key_id": 5}, "key_id: expected a string, got 5"),
        ({"model": None}, "model: expected a string, got nothing"),
        ({"version": 1}, "version: expected a string, got 1"),
        ({"id": ""}, "id: expected a string"),
    ],
)
def test_what_is_wrong_is_named(changes: dict, message: str) -> None:
    with pytest.raises(MalformedBody, match=message):
        decode(**changes)


@pytest.mark.parametrize("body", ["", "{", "[]", "5", "\ud800", "[" * 2000])
def test_what_is_no_message_is_refused(body: str) -> None:
    with pytest.raises(MalformedBody, match="message"):
        decode_envelope(body)


@pytest.mark.parametrize("field", ["specversion", "key_id", "model", "id", "request"])
def test_deep_nesting_is_refused_anywhere(field: str) -> None:
    deep = '{"a":' + "[" * 1000 + "]" * 1000 + "}"
    rest = orjson.dumps({name: value for name, value in GOOD.items() if name != field}).decode()
    with pytest.raises(MalformedBody):
        decode_envelope(f'{{"{field}":{deep},{rest[1:]}').canonical_request()


def test_order_and_spacing_do_not_make_another_request() -> None:
    one = decode_envelope('{"specversion":"1.0","key_id":"k","model":"m","request":{"a":1,"b":2}}')
    two = decode_envelope(
        '{"request": {"b": 2, "a": 1}, "specversion":"1.0","key_id":"k","model":"m"}'
    )
    assert one.canonical_request() == two.canonical_request()


@given(json_values | st.dictionaries(st.sampled_from([*GOOD, "id", "version"]), json_values))
def test_any_json_is_a_message_or_an_error_of_the_domain(value: object) -> None:
    try:
        decode_envelope(orjson.dumps(value).decode())
    except InfermeterError:
        return


@given(st.text(max_size=30))
def test_any_text_is_a_message_or_an_error_of_the_domain(text: str) -> None:
    with pytest.raises(MalformedBody):
        decode_envelope(text)
