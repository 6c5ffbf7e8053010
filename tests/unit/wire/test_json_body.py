"""Bytes to JSON documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import MalformedBody
from infermeter.wire.json_body import nesting_exceeds, parse_json
from tests.strategies import json_values


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(json_values, st.integers(0, 6))
def test_the_depth_is_that_of_the_document(value: object, depth: int) -> None:
    body = json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")
    assert nesting_exceeds(body, depth) == (depth_of(value) > depth)


@pytest.mark.parametrize("text", ["[" * 200, '\\"' + "[{" * 200, "]" * 200 + "[" * 200])
def test_brackets_in_text_do_not_nest(text: str) -> None:
    body = json.dumps([text]).encode()
    assert parse_json(body) == [text]


def test_a_wide_document_is_not_a_deep_one() -> None:
    assert parse_json(b"[" + b"[1]," * 500 + b"[1]]") == [[1]] * 501


@pytest.mark.parametrize(("depth", "refused"), [(50, False), (100, False), (101, True)])
def test_a_deep_document_is_refused(depth: int, refused: bool) -> None:
    body = b"[" * depth + b"]" * depth
    if refused:
        with pytest.raises(MalformedBody, match="depth of at most 100"):
            parse_json(body)
    else:
        assert parse_json(body) == json.loads(body)


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b"[1e999]", b"\xff", b"[" * 250_000])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody, match="what: expected JSON"):
        parse_json(body, "what")


def test_quotes_without_an_end_are_looked_at_once() -> None:
    # Tried from each quote anew, these would take hours.
    body = b"[" * 101 + b'"' + b'\\"' * 3_000_000
    assert nesting_exceeds(body, 100)
    assert not nesting_exceeds(body, 101)


@pytest.mark.parametrize("filling", [b"[]," * 700_000, b'"[",' * 700_000, b'"\\\\",' * 700_000])
def test_a_body_of_any_length_keeps_its_depth(filling: bytes) -> None:
    body = b"[" + filling + b"[[]]]"
    assert nesting_exceeds(body, 2)
    assert not nesting_exceeds(body, 3)
