"""Stacked runs: row by row the same as alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.engine import stacking
from infermeter.engine.onnx import OnnxRuntime
from infermeter.engine.stacking import chunks, keeps_rows_apart, run_stacked, stack_key
from infermeter.errors import ModelFailed
from infermeter.manifest import MODEL_FILE
from infermeter.signature import Signature
from infermeter.tensors import DATATYPES
from tests.models import identity, linear, mixing
from tests.ports import ROWS, Scaling

LINEAR = OnnxRuntime(memory_mb=512).load({MODEL_FILE: linear()})

finite = st.floats(-1e3, 1e3, width=32)
requests = st.lists(
    st.lists(st.lists(finite, min_size=3, max_size=3), max_size=5), min_size=1, max_size=6
)


@given(requests)
def test_batched_equals_unbatched_row_by_row(rows: list) -> None:
    several = [{"x": np.array(each, "<f4").reshape(-1, 3)} for each in rows]
    together = run_stacked(LINEAR, several, ["y"], axis=0)
    for inputs, (got,) in zip(several, together, strict=True):
        (alone,) = LINEAR.run(inputs, ["y"])
        np.testing.assert_allclose(got, alone, rtol=1e-6, atol=1e-6)
        assert got.shape == alone.shape


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6), st.integers(0, 2))
def test_any_axis_may_be_the_one_of_rows(sizes: list[int], axis: int) -> None:
    several = []
    for number, size in enumerate(sizes):
        shape = [2, 3, 4]
        shape[axis] = size
        several.append({"x": np.full(shape, number, "<f4")})
    model = Scaling(1.0, Signature(ROWS.inputs, ROWS.outputs, axis))
    together = run_stacked(model, several, ["y"], axis)
    for inputs, (got,) in zip(several, together, strict=True):
        np.testing.assert_array_equal(got, inputs["x"], strict=True)


class Summing(Scaling):
    """Mixes rows, whatever its manifest says."""

    def run(self, inputs, outputs):
        return [inputs["x"].sum(0, keepdims=True)]


def test_outputs_without_the_inputs_rows_are_refused() -> None:
    several = [{"x": np.ones((2, 2), "<f4")}] * 2
    with pytest.raises(ModelFailed, match="cannot be stacked"):
        run_stacked(Summing(1.0), several, ["y"], axis=0)


def test_tensors_that_differ_in_rows_alone_may_be_stacked() -> None:
    one, other = np.zeros((1, 3)), np.zeros((9, 3))
    assert stack_key({"x": one}, 0) == stack_key({"x": other}, 0)


@pytest.mark.parametrize(
    "other", [{"x": np.zeros((1, 4))}, {"x": np.zeros((1, 3), "f4")}, {"y": np.zeros((1, 3))}]
)
def test_other_tensors_may_not(other: dict) -> None:
    assert stack_key({"x": np.zeros((1, 3))}, 0) != stack_key(other, 0)


def test_without_a_batch_axis_nothing_is_stacked() -> None:
    assert stack_key({"x": np.zeros((1, 3))}, None) is None


@given(st.lists(st.integers(0, 40), max_size=12))
def test_chunks_are_all_requests_in_order(sizes: list[int]) -> None:
    several = [{"x": np.zeros(size, "u1")} for size in sizes]
    assert [index for chunk in chunks(several) for index in chunk] == list(range(len(sizes)))


def test_chunks_stay_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacking, "MAX_STACK_BYTES", 10)
    several = [{"x": np.zeros(size, "u1")} for size in (4, 6, 1, 99, 3)]
    assert [list(chunk) for chunk in chunks(several)] == [[0, 1], [2], [3], [4]]


@pytest.mark.parametrize("datatype", DATATYPES)
def test_a_model_of_rows_keeps_them_apart(datatype: str) -> None:
    model = OnnxRuntime(memory_mb=512).load({MODEL_FILE: identity(datatype)})
    assert keeps_rows_apart(model, model.signature)


def test_a_model_that_sees_across_rows_does_not() -> None:
    model = OnnxRuntime(memory_mb=512).load({MODEL_FILE: mixing()})
    assert not keeps_rows_apart(model, model.signature)


def test_a_model_that_gives_other_rows_than_it_takes_does_not() -> None:
    assert not keeps_rows_apart(Summing(1.0), ROWS)


def test_without_a_batch_axis_there_is_nothing_to_keep_apart() -> None:
    assert keeps_rows_apart(Summing(1.0), replace(ROWS, batch_axis=None))


def test_a_model_that_cannot_compute_what_was_made_up_is_taken_at_its_word() -> None:
    model = Scaling(2.0)
    assert keeps_rows_apart(model, ROWS)
    assert model.runs == [2]
