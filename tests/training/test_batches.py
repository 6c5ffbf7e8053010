"""How many rows are taken at a time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.training.tiny import ALONE, settings
from training.batches import VALIDATED_TOKENS, Batches
from training.data.dataset import ArrayRows


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
