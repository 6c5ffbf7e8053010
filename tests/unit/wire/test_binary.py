"""The binary tensor data extension: bit for bit, and every wrong length refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import InvalidTensor, MalformedBody
from infermeter.tensors import DATATYPES, Datatype
from infermeter.wire.binary import (
    HEADER_LENGTH,
    SAGEMAKER_TYPE,
    Tail,
    encode_binary,
    json_length,
    split_body,
)
from tests.strategies import assert_same, datatypes, extremes, shapes, tensors

ALL = pytest.mark.parametrize("datatype", DATATYPES.values(), ids=DATATYPES)


def tail(data: bytes) -> Tail:
    return Tail(memoryview(data))


@ALL
@given(data=st.data())
def test_any_tensor_comes_back_bit_for_bit(datatype: Datatype, data: st.DataObject) -> None:
    tensor = data.draw(tensors(datatype))
    raw = bytes(encode_binary(tensor))
    got = tail(raw).take("x", datatype, tensor.shape, len(raw))
    assert_same(got, tensor.array, bitwise=True)


@ALL
def test_extreme_values_come_back_bit_for_bit(datatype: Datatype) -> None:
    tensor = extremes(datatype)
    raw = bytes(encode_binary(tensor))
    got = tail(raw).take("x", datatype, tensor.shape, len(raw))
    assert_same(got, tensor.array, bitwise=True)


@given(st.data())
def test_tensors_are_taken_in_their_order(data: st.DataObject) -> None:
    several = data.draw(st.lists(datatypes.flatmap(tensors), max_size=4))
    parts = [bytes(encode_binary(tensor)) for tensor in several]
    rest = tail(b"".join(parts))
    for tensor, part in zip(several, parts, strict=True):
        got = rest.take("x", tensor.datatype, tensor.shape, len(part))
        assert_same(got, tensor.array, bitwise=True)
    rest.finish()


@given(datatype=datatypes, shape=shapes, raw=st.binary(max_size=40), size=st.integers(0, 60))
def test_any_bytes_are_a_tensor_or_an_error_of_the_domain(
    datatype: Datatype, shape: tuple[int, ...], raw: bytes, size: int
) -> None:
    try:
        got = tail(raw).take("x", datatype, shape, size)
    except InvalidTensor:
        return
    assert got.shape == shape


def test_a_big_endian_array_is_written_little_endian() -> None:
    tensor = extremes(DATATYPES["INT32"])
    swapped = type(tensor)("x", tensor.datatype, tensor.array.astype(">i4"))
    assert bytes(encode_binary(swapped)) == bytes(encode_binary(tensor))


def test_a_size_other_than_the_shape_is_refused() -> None:
    with pytest.raises(InvalidTensor, match=r"expected 8 bytes, FP32 \[2\], got .* 4"):
        tail(b"\0" * 8).take("x", DATATYPES["FP32"], (2,), 4)


def test_more_bytes_than_are_left_are_refused() -> None:
    with pytest.raises(InvalidTensor, match="at most the 3 bytes left, got 4"):
        tail(b"\0" * 3).take("x", DATATYPES["FP32"], (1,), 4)


def test_bytes_that_no_input_names_are_refused() -> None:
    with pytest.raises(MalformedBody, match="got 2 more"):
        tail(b"\0\0").finish()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\1\0\0", "4-byte length"),
        (b"\5\0\0\0ab", "element of 5 bytes, got 2"),
        (b"\xff\xff\xff\xff", "element of 4294967295 bytes"),
        (b"\0\0\0\0\0\0\0\0", "expected 1 elements"),
        (b"", "expected 1 elements"),
    ],
)
def test_text_with_a_wrong_length_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(InvalidTensor, match=message):
        tail(raw).take("x", DATATYPES["BYTES"], (1,), len(raw))


def test_a_boolean_is_0_or_1() -> None:
    with pytest.raises(InvalidTensor, match="0 or 1"):
        tail(b"\2").take("x", DATATYPES["BOOL"], (1,), 1)


@pytest.mark.parametrize("header", ["abc", "", "+-5", "--5", "1.5", "9" * 5000, "²", "1, 1"])
def test_a_length_that_is_no_number_is_refused(header: str) -> None:
    with pytest.raises(MalformedBody, match="Unable to parse Inference-Header-Content-Length"):
        json_length({HEADER_LENGTH: header})


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ({}, None),
        ({"content-type": "application/json"}, None),
        ({HEADER_LENGTH: "2"}, 2),
        ({HEADER_LENGTH: " +2 "}, 2),
        ({HEADER_LENGTH: "0"}, 0),
        ({"content-type": f"{SAGEMAKER_TYPE}7"}, 7),
        ({"content-type": SAGEMAKER_TYPE.replace(";", "; ") + "7"}, 7),
        ({"content-type": f"{SAGEMAKER_TYPE}7", HEADER_LENGTH: "2"}, 2),
    ],
)
def test_headers_say_where_json_ends(headers: dict[str, str], length: int | None) -> None:
    assert json_length(headers) == length


@pytest.mark.parametrize("length", [-1, 4, 99999999999])
def test_a_length_outside_the_body_is_refused(length: int) -> None:
    with pytest.raises(MalformedBody, match=r"should be in range \(0, 3\)"):
        split_body(b"{}x", length)


@pytest.mark.parametrize(
    ("length", "head", "rest"), [(None, b"{}xy", b""), (2, b"{}", b"xy"), (4, b"{}xy", b"")]
)
def test_a_body_is_cut_where_json_ends(length: int | None, head: bytes, rest: bytes) -> None:
    cut = split_body(b"{}xy", length)
    assert (cut[0], bytes(cut[1])) == (head, rest)


def test_a_fixed_size_tensor_is_a_view_of_the_body() -> None:
    body = np.arange(4, dtype="<f4").tobytes()
    array = tail(body).take("x", DATATYPES["FP32"], (4,), 16)
    assert not array.flags.owndata
