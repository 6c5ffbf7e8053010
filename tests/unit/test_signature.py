"""Whether given tensors fit a signature."""

from __future__ import annotations

import numpy as np
import pytest

from infermeter.errors import InvalidRequest, InvalidTensor
from infermeter.signature import MAX_BATCH, Signature, TensorSpec
from infermeter.tensors import DATATYPES, Tensor

FP32, INT64 = DATATYPES["FP32"], DATATYPES["INT64"]
TWO = Signature(
    (TensorSpec("a", FP32, (-1, 3)), TensorSpec("b", INT64, (-1,))),
    (TensorSpec("y", FP32, (-1, 2)), TensorSpec("z", FP32, (-1,))),
)


def tensor(name: str, shape: tuple[int, ...], datatype: str = "FP32") -> Tensor:
    kind = DATATYPES[datatype]
    return Tensor(name, kind, np.zeros(shape, kind.dtype))


A, B = tensor("a", (2, 3)), tensor("b", (2,), "INT64")


def test_tensors_that_fit_are_given_by_name() -> None:
    assert TWO.check_inputs([B, A]) == {"a": A, "b": B}


@pytest.mark.parametrize(
    ("given", "name", "expected", "got"),
    [
        ([A], "b", "a tensor for each of 'a', 'b'", "none for this input"),
        ([A, B, tensor("c", (1,))], "c", "one of the inputs 'a', 'b'", "this name"),
        ([A, A, B], "a", "the input once", "it twice"),
        ([tensor("a", (2, 3), "FP64"), B], "a", "datatype FP32", "datatype FP64"),
        ([tensor("a", (2, 4)), B], "a", "shape [-1,3]", "shape [2,4]"),
        ([tensor("a", (3,)), B], "a", "shape [-1,3]", "shape [3]"),
        ([tensor("a", ()), B], "a", "shape [-1,3]", "shape []"),
        ([tensor("a", (5, 3)), B], "b", "5 rows on axis 0 as in the other inputs", "2"),
    ],
)
def test_what_does_not_fit_is_named(given: list, name: str, expected: str, got: str) -> None:
    with pytest.raises(InvalidTensor) as caught:
        TWO.check_inputs(given)
    assert (caught.value.name, caught.value.expected, caught.value.got) == (name, expected, got)
    assert str(caught.value) == f"input '{name}': expected {expected}, got {got}"


def test_a_model_without_a_batch_axis_has_one_row() -> None:
    signature = Signature(TWO.inputs, TWO.outputs, batch_axis=None)
    assert signature.rows({"a": tensor("a", (7, 3))}) == 1


def test_rows_are_counted_on_the_batch_axis() -> None:
    spec = TensorSpec("a", FP32, (3, -1))
    signature = Signature((spec,), (spec,), batch_axis=1)
    assert signature.rows({"a": tensor("a", (3, 7))}) == 7


def test_a_request_has_a_million_rows_at_most() -> None:
    one = Signature((TensorSpec("a", FP32, (-1, 3)),), TWO.outputs)
    zero = np.zeros((1, 1), "<f4")

    def rows(count: int) -> Tensor:
        return Tensor("a", FP32, np.broadcast_to(zero, (count, 3)))

    assert one.rows(one.check_inputs([rows(MAX_BATCH)])) == MAX_BATCH
    with pytest.raises(InvalidTensor, match=f"'a': expected at most {MAX_BATCH} rows on axis 0"):
        one.check_inputs([rows(MAX_BATCH + 1)])


def test_no_rows_are_none() -> None:
    assert TWO.rows(TWO.check_inputs([tensor("a", (0, 3)), tensor("b", (0,), "INT64")])) == 0


def test_all_outputs_are_computed_when_none_is_named() -> None:
    assert TWO.check_outputs([]) == ("y", "z")


def test_outputs_come_in_the_order_asked_for() -> None:
    assert TWO.check_outputs(["z", "y"]) == ("z", "y")


@pytest.mark.parametrize(
    ("names", "message"),
    [(["x"], "expected one of 'y', 'z', got 'x'"), (["y", "y"], "already exists in request")],
)
def test_an_unknown_or_doubled_output_is_refused(names: list[str], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        TWO.check_outputs(names)
