"""How many rows are taken at a time."""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.training.tiny import ALONE, settings
from training.batches import VALIDATED_TOKENS, Batches
from training.data.dataset import ArrayRows
from training.errors import InvalidData


def parts(tokens: int, batch_size: int, accumulation: int = 1) -> list[int]:
    """The sizes of a thousand validation rows' parts, a row having so many targets."""
    targets = np.zeros((1000, tokens), np.int64)
    rows = ArrayRows(np.zeros((1000, 1), np.float32), np.zeros(1000, np.int64), targets)
    stage: Any = SimpleNamespace(
        train=rows, validation=rows, settings=settings(batch_size=batch_size), order=None
    )
    found = Batches(stage, 0, ALONE, accumulation).validation()
    assert np.concatenate([numbers for numbers, _ in found]).tolist() == list(range(1000))
    return [len(numbers) for numbers, counts in found if counts]


@pytest.mark.parametrize(("batch_size", "largest"), [(16, 256), (300, 300), (0, 1000)])
def test_rows_of_one_target_are_validated_many_at_a_time(batch_size: int, largest: int) -> None:
    assert largest * 0.7 < max(parts(1, batch_size)) <= largest


def test_long_rows_are_validated_few_at_a_time() -> None:
    assert max(parts(128, 8)) * 128 <= VALIDATED_TOKENS
    assert max(parts(2048, 8)) <= 8
    assert max(parts(2048, 64)) <= 64
    assert max(parts(2048, 64, accumulation=16)) <= 4


class ReadRows:
    """Ten rows, read when they are taken; the last one is broken."""

    labels = np.arange(10)

    def __init__(self) -> None:
        self.second = Event()

    def __len__(self) -> int:
        return 10

    def take(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if 9 in numbers:
            raise InvalidData("row 9", expected="a picture", got="none")
        if 4 in numbers:
            self.second.set()
        return numbers.astype(np.float32), numbers


def batches(rows: ReadRows, batch_size: int, count: int) -> Batches:
    """Of the first rows, in their order."""

    def order(_generator: np.random.Generator, _size: int) -> np.ndarray:
        return np.arange(count)

    stage: Any = SimpleNamespace(
        train=rows,
        settings=settings(batch_size=batch_size),
        order=order,
        augmentation=None,
        objective=SimpleNamespace(count=len),
    )
    return Batches(stage, 0, ALONE)


def test_rows_that_are_read_are_read_while_the_step_before_is_taken() -> None:
    rows = ReadRows()
    steps = batches(rows, 4, 8).epoch(0, 0)
    first = next(steps)
    assert rows.second.wait(timeout=60)
    assert [part.features.tolist() for part in first.parts] == [[0, 1, 2, 3]]
    assert [part.features.tolist() for part in next(steps).parts] == [[4, 5, 6, 7]]
    assert next(steps, None) is None


def test_row_that_cannot_be_read_ends_the_epoch() -> None:
    steps = batches(ReadRows(), 5, 10).epoch(0, 0)
    assert next(steps).rows == 5
    with pytest.raises(InvalidData, match="row 9: expected a picture, got none"):
        next(steps)
