"""Raw binary requests."""

from __future__ import annotations

import numpy as np
import pytest

from infermeter.errors import InvalidRequest, InvalidTensor
from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES
from infermeter.wire.raw import decode_raw

VALUES = np.arange(6, dtype="<f4")


def signature(*shapes: tuple[int, ...], datatype: str = "FP32", axis: int | None = 0) -> Signature:
    kind = DATATYPES[datatype]
    inputs = tuple(TensorSpec(f"x{place}", kind, shape) for place, shape in enumerate(shapes))
    return Signature(inputs, (TensorSpec("y", kind, (-1, 2)),), axis)


@pytest.mark.parametrize(
    ("shape", "axis", "expected"),
    [
        ((-1, 6), 0, (1, 6)),
        ((-1, -1), 0, (1, 6)),
        ((-1, 2), None, (3, 2)),
        ((2, 3), None, (2, 3)),
        ((-1, -1, 2), 0, (1, 3, 2)),
    ],
)
def test_the_signature_gives_the_shape(
    shape: tuple[int, ...], axis: int | None, expected: tuple[int, ...]
) -> None:
    request, form = decode_raw(VALUES.tobytes(), signature(shape, axis=axis))
    (tensor,) = request.inputs
    assert (tensor.name, tensor.shape) == ("x0", expected)
    np.testing.assert_array_equal(tensor.array.ravel(), VALUES)
    assert form.is_binary("y")


def test_text_is_the_body_itself() -> None:
    request, _ = decode_raw(b"a text", signature((-1, 1), datatype="BYTES"))
    assert request.inputs[0].array.tolist() == [[b"a text"]]


def test_two_inputs_cannot_be_one_body() -> None:
    with pytest.raises(InvalidRequest, match=r"must only have 1 input .* got 2 inputs"):
        decode_raw(b"", signature((-1, 2), (-1, 2)))


def test_two_open_sizes_cannot_be_told() -> None:
    with pytest.raises(InvalidRequest, match="'x0' can not be deduced"):
        decode_raw(VALUES.tobytes(), signature((-1, -1, -1)))


def test_a_body_is_one_text_alone() -> None:
    with pytest.raises(InvalidRequest, match=r"must have input shape \[1\]"):
        decode_raw(b"a", signature((-1, 2), datatype="BYTES"))


@pytest.mark.parametrize("size", [0, 5, 23])
def test_bytes_that_do_not_fill_the_shape_are_refused(size: int) -> None:
    with pytest.raises(InvalidTensor, match="'x0': expected 24 bytes"):
        decode_raw(bytes(size), signature((-1, 6)))
