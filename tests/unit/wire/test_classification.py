"""The classification extension."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter import bfloat16
from infermeter.errors import InvalidRequest, TooLarge
from infermeter.tensors import DATATYPES, Tensor
from infermeter.wire.classification import classify


def tensor(datatype: str, values: Any) -> Tensor:
    return Tensor("y", DATATYPES[datatype], np.array(values, DATATYPES[datatype].dtype))


def texts(result: Tensor) -> Any:
    return np.vectorize(bytes.decode, otypes=[object])(result.array).tolist()


def test_each_row_has_its_own_largest() -> None:
    result = classify(tensor("FP32", [[0.1, 0.7, 0.2], [3, 1, 2]]), 2, [], batched=True)
    assert result.datatype.name == "BYTES"
    assert texts(result) == [["0.700000:1", "0.200000:2"], ["3.000000:0", "2.000000:2"]]


def test_labels_stand_behind_their_index() -> None:
    result = classify(tensor("FP32", [[1, 2, 3]]), 3, ["a", "b"], batched=True)
    assert texts(result) == [["3.000000:2", "2.000000:1:b", "1.000000:0:a"]]


def test_integers_have_no_fraction() -> None:
    assert texts(classify(tensor("INT32", [7, -2, 10]), 2, [], batched=False)) == ["10:2", "7:0"]


@pytest.mark.parametrize(
    ("datatype", "values", "expected"),
    [
        ("INT8", [-128, 127, 0], ["127:1", "0:2", "-128:0"]),
        ("UINT64", [0, 2**64 - 1, 1], [f"{2**64 - 1}:1", "1:2", "0:0"]),
        ("BOOL", [False, True, True], ["1:1", "1:2", "0:0"]),
        ("FP16", [1, 2, 2], ["2.000000:1", "2.000000:2", "1.000000:0"]),
        ("FP64", [np.nan, np.inf, -np.inf], ["inf:1", "-inf:2", "nan:0"]),
    ],
)
def test_order_and_ties(datatype: str, values: list[Any], expected: list[str]) -> None:
    assert texts(classify(tensor(datatype, values), 3, [], batched=False)) == expected


def test_bf16_is_classified() -> None:
    array = bfloat16.from_floats(np.array([1.0, 2.0]))
    result = classify(Tensor("y", DATATYPES["BF16"], array), 1, [], batched=False)
    assert texts(result) == ["2.000000:1"]


def test_more_classes_than_there_are_gives_all() -> None:
    assert classify(tensor("FP32", [[1, 2]]), 5, [], batched=True).shape == (1, 2)


def test_without_a_batch_all_elements_are_ranked() -> None:
    result = classify(tensor("FP32", [[1, 4], [3, 2]]), 2, [], batched=False)
    assert texts(result) == ["4.000000:1", "3.000000:2"]


def test_no_rows_have_no_classes() -> None:
    empty = Tensor("y", DATATYPES["FP32"], np.empty((0, 3), "<f4"))
    assert classify(empty, 2, [], batched=True).shape == (0, 2)


def test_text_has_no_classes() -> None:
    with pytest.raises(InvalidRequest, match="'y' due to unsupported type 'BYTES'"):
        classify(tensor("BYTES", [b"a"]), 1, [], batched=False)


def test_too_many_classes_are_refused() -> None:
    many = Tensor("y", DATATYPES["UINT8"], np.zeros(1_000_001, np.uint8))
    with pytest.raises(TooLarge, match="classification output: expected at most 1000000"):
        classify(many, 2_000_000, [], batched=False)


def test_too_many_digits_are_refused() -> None:
    huge = Tensor("y", DATATYPES["FP64"], np.full(300_000, -1e308))
    with pytest.raises(TooLarge, match="classification output: expected at most 67108864 digits"):
        classify(huge, 300_000, [], batched=False)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_what_is_not_finite_is_spelled(value: str) -> None:
    assert texts(classify(tensor("FP64", [float(value)]), 1, [], batched=False)) == [f"{value}:0"]


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=9), st.integers(1, 9))
def test_the_largest_come_first(values: list[float], count: int) -> None:
    result = texts(classify(tensor("FP32", values), count, [], batched=False))
    found = [int(text.split(":")[1]) for text in result]
    ranked = sorted(range(len(values)), key=lambda index: (-values[index], index))
    assert found == ranked[:count]
