"""OpenAI's embeddings and models on the wire."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from infermeter.errors import InvalidField, InvalidRequest
from infermeter.registry.catalog import ModelRecord, ModelVersion
from infermeter.wire.limits import MAX_EMBEDDINGS
from infermeter.wire.openai import (
    EmbeddingsRequest,
    ModelName,
    decode_embeddings,
    encode_embeddings,
    model_entry,
    parse_model_name,
)
from tests.strategies import json_values

NAME = ModelName("m", "m", None)
floats = hnp.arrays(
    "<f4",
    st.tuples(st.integers(1, 4), st.integers(1, 5)),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
)


def decode(**fields: Any) -> EmbeddingsRequest:
    return decode_embeddings(orjson.dumps({"model": "m", **fields}))


@pytest.mark.parametrize(
    ("input", "request_"),
    [
        ("a", EmbeddingsRequest(NAME, texts=("a",))),
        (["a"], EmbeddingsRequest(NAME, texts=("a",), listed=True)),
        (["a", "b"], EmbeddingsRequest(NAME, texts=("a", "b"), listed=True)),
        ([1, 2], EmbeddingsRequest(NAME, sequences=([1, 2],))),
        ([[1, 2]], EmbeddingsRequest(NAME, sequences=([1, 2],), listed=True)),
        ([[1], [2, 3]], EmbeddingsRequest(NAME, sequences=([1], [2, 3]), listed=True)),
        (["a"] * MAX_EMBEDDINGS, EmbeddingsRequest(NAME, ("a",) * MAX_EMBEDDINGS, listed=True)),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_each_form_of_input_is_read(input: Any, request_: EmbeddingsRequest) -> None:
    assert decode(input=input) == request_


def test_unknown_fields_mean_nothing() -> None:
    assert decode(input="a", user="u", more={"deep": [1]}) == decode(input="a")


def test_null_is_a_field_left_out() -> None:
    assert decode(input="a", dimensions=None, encoding_format=None) == decode(input="a")


def test_options_are_read() -> None:
    asked = decode(input="a", dimensions=2, encoding_format="base64")
    assert (asked.dimensions, asked.base64) == (2, True)


@pytest.mark.parametrize(
    ("fields", "field", "got"),
    [
        ({}, "input", "nothing"),
        ({"input": None}, "input", "nothing"),
        ({"input": 5}, "input", "5"),
        ({"input": {}}, "input", "{}"),
        ({"input": ""}, "input", '""'),
        ({"input": []}, "input", "an empty list"),
        ({"input": ["a"] * 2049}, "input", "2049"),
        ({"input": [[1]] * 2049}, "input", "2049"),
        ({"input": [""]}, "input[0]", '""'),
        ({"input": ["a", ""]}, "input[1]", '""'),
        ({"input": ["a", 5]}, "input[1]", "5"),
        ({"input": ["a", [5]]}, "input[1]", "[5]"),
        ({"input": [None]}, "input[0]", "nothing"),
        ({"input": [1.5]}, "input[0]", "1.5"),
        ({"input": [True]}, "input[0]", "true"),
        ({"input": [1, True]}, "input[1]", "true"),
        ({"input": [1, -1]}, "input[1]", "-1"),
        ({"input": [1, 2.0]}, "input[1]", "2.0"),
        ({"input": [1, "a"]}, "input[1]", '"a"'),
        ({"input": [[1], []]}, "input[1]", "[]"),
        ({"input": [[1], "a"]}, "input[1]", '"a"'),
        ({"input": [[1], [2, "a"]]}, "input[1][1]", '"a"'),
        ({"input": [[1], [2, -1]]}, "input[1][1]", "-1"),
        ({"input": "a", "dimensions": 0}, "dimensions", "0"),
        ({"input": "a", "dimensions": 1.5}, "dimensions", "1.5"),
        ({"input": "a", "dimensions": True}, "dimensions", "true"),
        ({"input": "a", "dimensions": "2"}, "dimensions", '"2"'),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format", '"hex"'),
        ({"input": "a", "encoding_format": 5}, "encoding_format", "5"),
        ({"input": "a", "model": None}, "model", "nothing"),
        ({"input": "a", "model": 5}, "model", "5"),
        ({"input": "a", "model": ""}, "model", '""'),
        ({"input": "a", "model": "m:"}, "model", '"m:"'),
        ({"input": "a", "model": ":1"}, "model", '":1"'),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], field: str, got: str) -> None:
    with pytest.raises(InvalidField) as caught:
        decode(**fields)
    assert caught.value.field == field
    assert f", got {got}" in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b"[" * 250_000, b'{"model":NaN}'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_embeddings(body)


@given(st.dictionaries(st.sampled_from(["input", "dimensions", "encoding_format"]), json_values))
def test_any_json_is_a_request_or_an_error_of_the_domain(fields: dict[str, Any]) -> None:
    try:
        asked = decode(**fields)
    except InvalidRequest:
        return
    assert asked.texts or asked.sequences


@pytest.mark.parametrize(
    ("asked", "name", "version"),
    [("m", "m", None), ("m:2", "m", "2"), ("m:canary", "m", "canary"), ("m:a:b", "m", "a:b")],
)
def test_a_model_may_bring_a_version(asked: str, name: str, version: str | None) -> None:
    assert parse_model_name(asked) == ModelName(asked, name, version)


@given(floats)
def test_floats_come_back_as_they_were(vectors: np.ndarray) -> None:
    document = json.loads(encode_embeddings("m", vectors, 3))
    back = np.array([entry["embedding"] for entry in document["data"]], "<f4")
    np.testing.assert_array_equal(back, vectors)


@given(floats)
def test_base64_holds_little_endian_floats(vectors: np.ndarray) -> None:
    document = json.loads(encode_embeddings("m", vectors, 3, base64=True))
    raw = [base64.b64decode(entry["embedding"], validate=True) for entry in document["data"]]
    assert b"".join(raw) == vectors.tobytes()


def test_the_answer_is_openais() -> None:
    vectors = np.array([[0.1, 1], [2, 3]], "<f4")
    assert encode_embeddings("m:1", vectors, 7) == orjson.dumps(
        {
            "object": "list",
            "model": "m:1",
            "data": [
                {"object": "embedding", "index": 0, "embedding": [0.1, 1.0]},
                {"object": "embedding", "index": 1, "embedding": [2.0, 3.0]},
            ],
            "usage": {"prompt_tokens": 7, "total_tokens": 7},
        }
    )


@pytest.mark.parametrize(("aliases", "created"), [({"prod": "1"}, 10), ({"canary": "1"}, 20)])
def test_a_model_is_as_old_as_what_is_served(aliases: dict[str, str], created: int) -> None:
    versions = {
        number: ModelVersion("m", number, "sha256:", 1, published_at)
        for number, published_at in (("1", 10), ("2", 20))
    }
    entry = model_entry(ModelRecord("m", versions, aliases))
    assert entry == {"id": "m", "object": "model", "created": created, "owned_by": "infermeter"}
