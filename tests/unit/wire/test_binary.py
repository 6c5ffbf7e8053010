"""The binary tensor data extension: bit for bit, and every wrong length refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import InvalidTensor, MalformedBody
from infermeter.tensors import DATATYPES, Datatype
from infermeter.wire.binary import Tail, encode_binary, split_body
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


@pytest.mark.parametrize(
    "header", ["abc", "", "+-5", "--5", "1.5", "9" * 5000, "99999999999", "-1", "4", "²", "1, 1"]
)
def test_a_length_that_cannot_be_is_refused(header: str) -> None:
    with pytest.raises(MalformedBody):
        split_body(b"{}x", header)


def test_without_the_header_all_is_json() -> None:
    head, rest = split_body(b"{}", None)
    assert (bytes(head), bytes(rest)) == (b"{}", b"")


@pytest.mark.parametrize("header", ["2", " 2 ", "+2"])
def test_the_header_says_where_json_ends(header: str) -> None:
    head, rest = split_body(b"{}xy", header)
    assert (bytes(head), bytes(rest)) == (b"{}", b"xy")


def test_a_fixed_size_tensor_is_a_view_of_the_body() -> None:
    body = np.arange(4, dtype="<f4").tobytes()
    array = tail(body).take("x", DATATYPES["FP32"], (4,), 16)
    assert not array.flags.owndata
