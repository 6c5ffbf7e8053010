"""Hypothesis strategies for tensors and for JSON that nobody meant to send."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from infermeter import bfloat16
from infermeter.tensors import DATATYPES, Datatype, Tensor

shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@st.composite
def tensors(draw: Any, datatype: Datatype, *, text: bool = False) -> Tensor:
    """Any tensor of the datatype: every bit pattern; BYTES are UTF-8 with `text`."""
    shape = draw(shapes)
    count = math.prod(shape)
    if datatype.kind == "O":
        element = st.text(max_size=6).map(str.encode) if text else st.binary(max_size=6)
        array = np.empty(count, dtype=object)
        array[:] = draw(st.lists(element, min_size=count, max_size=count))
        return Tensor("x", datatype, array.reshape(shape))
    size = count * datatype.itemsize
    raw = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8)
    if datatype.kind == "b":
        raw = raw & 1
    return Tensor("x", datatype, raw.view(datatype.dtype).reshape(shape))


def extremes(datatype: Datatype) -> Tensor:
    """The values at which codecs break."""
    values: list[Any]
    if datatype.kind == "O":
        values = [b"", b"\0", b"a\0b\0", 'żółć \U0001f600 "quoted" \\ '.encode(), b"\n\x7f"]
    elif datatype.kind == "b":
        values = [True, False]
    elif datatype.kind in "fV":
        limits = np.finfo("<f4" if datatype.kind == "V" else datatype.dtype)
        values = [limits.max, limits.min, limits.tiny, limits.smallest_subnormal, limits.eps]
        values += [0.0, -0.0, 0.1, math.nan, math.inf, -math.inf]
    else:
        bounds = np.iinfo(datatype.dtype)
        values = [bounds.min, bounds.max, 0, 1]
    if datatype.kind == "V":
        return Tensor("x", datatype, bfloat16.from_floats(np.array(values, dtype="<f8")))
    array = np.empty(len(values), dtype=datatype.dtype)
    array[:] = values
    return Tensor("x", datatype, array)


datatypes = st.sampled_from(list(DATATYPES.values()))


def assert_same(got: np.ndarray, wanted: np.ndarray, *, bitwise: bool) -> None:
    """Equal in shape, dtype and value; `bitwise` tells NaNs apart by their bits too."""
    assert got.shape == wanted.shape
    assert got.dtype == wanted.dtype
    if bitwise and got.dtype.kind != "O":
        assert got.tobytes() == wanted.tobytes()
        return
    if got.dtype == bfloat16.BF16:
        got, wanted = bfloat16.to_float32(got), bfloat16.to_float32(wanted)
    np.testing.assert_array_equal(got, wanted, strict=True)
    if got.dtype.kind == "f":
        number = ~np.isnan(wanted)
        assert (np.signbit(got) == np.signbit(wanted))[number].all()
