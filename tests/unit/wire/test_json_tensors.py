"""Tensors in JSON: exact both ways, and refused by name where they do not fit."""

from __future__ import annotations

import json

import ml_dtypes
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter import bfloat16
from infermeter.errors import InvalidRequest, InvalidTensor
from infermeter.tensors import DATATYPES, Datatype, Tensor
from infermeter.wire.json_tensors import decode_data, encode_data
from tests.strategies import assert_same, extremes, json_values, shapes, tensors

ALL = pytest.mark.parametrize("datatype", DATATYPES.values(), ids=DATATYPES)


def strict(text: bytes) -> object:
    """JSON without the constants that JSON has not."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"not JSON: {constant}")

    return json.loads(text, parse_constant=refuse)


def written(tensor: Tensor) -> object:
    return strict(orjson.dumps(encode_data(tensor), option=orjson.OPT_SERIALIZE_NUMPY))


def nested(data: list, shape: tuple[int, ...]) -> list:
    if not data:
        return np.empty(shape).tolist()
    array = np.empty(len(data), dtype=object)
    array[:] = data
    return array.reshape(shape).tolist()


def decode(datatype: str, data: object, shape: tuple[int, ...] | None = None) -> np.ndarray:
    shape = (len(data),) if shape is None else shape
    return decode_data("x", DATATYPES[datatype], shape, data)


@ALL
@given(data=st.data())
def test_flat_data_comes_back(datatype: Datatype, data: st.DataObject) -> None:
    tensor = data.draw(tensors(datatype, text=True))
    got = decode_data("x", datatype, tensor.shape, written(tensor))
    assert_same(got, tensor.array, bitwise=False)


@ALL
@given(data=st.data())
def test_nested_data_comes_back(datatype: Datatype, data: st.DataObject) -> None:
    tensor = data.draw(tensors(datatype, text=True).filter(lambda tensor: tensor.shape))
    got = decode_data("x", datatype, tensor.shape, nested(written(tensor), tensor.shape))
    assert_same(got, tensor.array, bitwise=False)


@ALL
def test_extreme_values_come_back(datatype: Datatype) -> None:
    tensor = extremes(datatype)
    got = decode_data("x", datatype, tensor.shape, written(tensor))
    assert_same(got, tensor.array, bitwise=False)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_single_float_has_its_own_shortest_digits(value: float) -> None:
    tensor = Tensor("y", DATATYPES["FP32"], np.array([value], np.float32))
    text = orjson.dumps(encode_data(tensor), option=orjson.OPT_SERIALIZE_NUMPY).decode()
    assert float(text.strip("[]")) == float(str(np.float32(value)))


def test_a_tenth_in_single_precision_is_written_as_a_tenth() -> None:
    assert written(Tensor("y", DATATYPES["FP32"], np.array([0.1], np.float32))) == [0.1]


def test_what_is_not_finite_is_spelled() -> None:
    array = np.array([np.nan, np.inf, -np.inf, 1], np.float32)
    tensor = Tensor("y", DATATYPES["FP32"], array)
    assert written(tensor) == ["NaN", "Infinity", "-Infinity", 1.0]


@pytest.mark.parametrize("spelling", ["NaN", None])
def test_a_spelled_nan_is_read(spelling: str | None) -> None:
    assert np.isnan(decode("FP16", [spelling])).all()


def test_a_transposed_array_is_written_in_row_major_order() -> None:
    array = np.arange(6, dtype=np.int32).reshape(2, 3).T
    assert written(Tensor("y", DATATYPES["INT32"], array)) == [0, 3, 1, 4, 2, 5]


def test_bytes_that_are_not_text_ask_for_the_binary_form() -> None:
    tensor = Tensor("y", DATATYPES["BYTES"], np.array([b"\xff"], dtype=object))
    with pytest.raises(InvalidRequest, match=r"'y'.*binary_data: true"):
        encode_data(tensor)


@pytest.mark.parametrize(
    ("datatype", "data", "got"),
    [
        ("INT32", [1.7], "a number with a fraction"),
        ("INT32", [1.0], "a number with a fraction"),
        ("INT32", ["1"], "a string"),
        ("INT32", [True], "a boolean"),
        ("INT32", [1, True], "a boolean"),
        ("INT32", [None], "null"),
        ("UINT8", [300], "300"),
        ("UINT8", [-1], "-1"),
        ("INT64", [2**63], "9223372036854775808"),
        ("BOOL", [1], "an integer"),
        ("BOOL", [True, 0], "an integer"),
        ("FP32", ["1.5"], "a string"),
        ("FP32", [True], "a boolean"),
        ("FP32", [1.5, True], "a boolean"),
        ("FP32", [{}], "an object"),
        ("FP32", [1e39], "1e+39"),
        ("FP16", [1, 65536], "65536"),
        ("BF16", [3.4e38], "3.4e+38"),
        ("BYTES", [1], "an integer"),
        ("BYTES", [["a"], "b"], "ragged lists"),
        ("FP32", [[1], [1, 2]], "ragged lists"),
        ("FP32", 5, "an integer"),
    ],
)
def test_data_that_the_datatype_cannot_hold_is_named(datatype: str, data: object, got: str) -> None:
    shape = (len(data),) if isinstance(data, list) else (1,)
    with pytest.raises(InvalidTensor) as caught:
        decode(datatype, data, shape)
    assert caught.value.name == "x"
    assert caught.value.got == got


@pytest.mark.parametrize("datatype", ["FP16", "BF16"])
def test_all_65536_values_of_16_bits_come_back(datatype: str) -> None:
    kind = DATATYPES[datatype]
    tensor = Tensor("x", kind, np.arange(65536, dtype="<u2").view(kind.dtype))
    assert_same(decode(datatype, written(tensor)), tensor.array, bitwise=False)


def test_a_half_has_its_own_shortest_digits() -> None:
    half = Tensor("y", DATATYPES["FP16"], np.array([0.1, 65504, -0.0], np.float16))
    assert orjson.dumps(encode_data(half)) == b"[0.1,65500.0,-0.0]"


@given(st.floats(width=32))
def test_bf16_is_rounded_to_the_nearest(value: float) -> None:
    got = bfloat16.to_float32(bfloat16.from_floats(np.array([value])))
    wanted = np.array([value], "<f4").astype(ml_dtypes.bfloat16).astype("<f4")
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("number", [1, 2])  # a boolean is told by its type alone, or by its value
@pytest.mark.parametrize(
    ("datatype", "odd", "got"),
    [("FP32", True, "a boolean"), ("INT64", False, "a boolean"), ("INT64", 1.7, "a number with")],
)
def test_what_is_no_number_is_found_among_many(
    datatype: str, odd: object, got: str, number: int
) -> None:
    data = [number] * 10_000
    assert decode(datatype, data).tolist() == data
    with pytest.raises(InvalidTensor, match=f"got {got}"):
        decode(datatype, [*data, odd])


def test_spellings_are_read_among_many_numbers() -> None:
    assert np.isnan(decode("FP32", [0.5] * 10_000 + ["NaN"])[-1])


def test_too_few_elements_are_refused() -> None:
    with pytest.raises(InvalidTensor, match=r"expected 4 elements for shape \[2,2\], got 3"):
        decode("FP32", [1, 2, 3], (2, 2))


def test_nesting_other_than_the_shape_is_refused() -> None:
    with pytest.raises(InvalidTensor, match=r"nested as \[3,2\], got \[2,3\]"):
        decode("FP32", [[1, 2, 3], [4, 5, 6]], (3, 2))


def test_one_long_text_among_many_numbers_costs_no_memory() -> None:
    # numpy alone would make text of each number, as wide as the longest: 1.2 GB of it.
    with pytest.raises(InvalidTensor, match="got a string"):
        decode("FP32", ["x" * 100_000, *[1] * 3000])


@given(datatype=st.sampled_from(list(DATATYPES.values())), shape=shapes, data=json_values)
def test_any_json_is_a_tensor_or_an_error_of_the_domain(
    datatype: Datatype, shape: tuple[int, ...], data: object
) -> None:
    try:
        got = decode_data("x", datatype, shape, data)
    except InvalidTensor:
        return
    assert got.shape == shape
    assert got.dtype == datatype.dtype
