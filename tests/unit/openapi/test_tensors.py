"""Schemas of tensors hold for what the codecs take and give."""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema_rs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import InvalidTensor
from infermeter.openapi.tensors import data_schema, element_schema, shape_schema
from infermeter.signature import TensorSpec
from infermeter.tensors import DATATYPES, Datatype, Tensor
from infermeter.wire.json_tensors import decode_data, encode_data
from tests.strategies import datatypes, extremes, tensors

elements = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.sampled_from([-129, -128, 127, 128, 255, 256, 2**31 - 1, 2**31, 65504, 65519, 65520])
    | st.sampled_from([3.39e38, 3.4e38, 3.4028235e38, 3.5e38])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["NaN", "Infinity", "-Infinity", "text"])
)


def valid(schema: dict[str, Any], value: object) -> bool:
    return jsonschema_rs.Draft202012Validator(schema).is_valid(value)


@given(datatypes, elements)
def test_an_element_is_valid_if_the_server_takes_it(datatype: Datatype, value: object) -> None:
    try:
        decode_data("x", datatype, (1,), [value])
    except InvalidTensor:
        # To JSON Schema 1.0 is an integer.
        whole = datatype.kind in "iu" and isinstance(value, float) and value.is_integer()
        assert whole or not valid(element_schema(datatype, given=True), value)
    else:
        assert valid(element_schema(datatype, given=True), value)


@pytest.mark.parametrize("name", DATATYPES)
def test_the_extremes_that_the_server_gives_are_valid(name: str) -> None:
    tensor = extremes(DATATYPES[name])
    spec = TensorSpec("x", tensor.datatype, (-1,))
    data = json.loads(orjson.dumps(encode_data(tensor), option=orjson.OPT_SERIALIZE_NUMPY))
    assert valid(data_schema(spec, given=False), data)


@given(datatypes.flatmap(lambda datatype: tensors(datatype, text=True)))
def test_what_the_server_gives_is_valid(tensor: Tensor) -> None:
    spec = TensorSpec("x", tensor.datatype, tensor.shape)
    data = json.loads(orjson.dumps(encode_data(tensor), option=orjson.OPT_SERIALIZE_NUMPY))
    assert valid(data_schema(spec, given=False), data)
    assert valid(shape_schema(spec.shape), list(tensor.shape))


@pytest.mark.parametrize(
    ("data", "fits"),
    [
        ([1, 2, 3, 4], True),
        ([[1, 2], [3, 4]], True),
        ([], True),
        ([[1, 2], [3]], False),
        ([[1, 2, 3]], False),
        ([[[1, 2]]], False),
        ([True, False], False),
        (5, False),
    ],
)
def test_data_may_be_flat_or_nested(data: object, fits: bool) -> None:
    spec = TensorSpec("x", DATATYPES["INT8"], (-1, 2))
    assert valid(data_schema(spec, given=True), data) == fits


@pytest.mark.parametrize(
    ("shape", "given", "fits"),
    [
        ((-1, 3), [0, 3], True),
        ((-1, 3), [7, 3], True),
        ((-1, 3), [7, 2], False),
        ((-1, 3), [-1, 3], False),
        ((-1, 3), [3], False),
        ((-1, 3), [1, 3, 1], False),
        ((), [], True),
        ((), [1], False),
    ],
)
def test_fixed_sizes_are_constants(shape: tuple, given: list, fits: bool) -> None:
    assert valid(shape_schema(shape), given) == fits


def test_a_shape_without_variable_sizes_tells_the_count() -> None:
    schema = data_schema(TensorSpec("x", DATATYPES["FP32"], (2, 3)), given=False)
    assert schema["minItems"] == schema["maxItems"] == math.prod((2, 3))
