"""Splits: stratified, disjoint, by the seed."""

from __future__ import annotations

import numpy as np
import pytest

from training.data.split import split_rows
from training.data.table import Schema, Table
from training.errors import InvalidData


def table(*counts: int) -> Table:
    labels = np.repeat(np.arange(len(counts)), counts)
    values = np.arange(len(labels), dtype=np.float32)[:, None]
    return Table(Schema(("x",), "label", tuple(map(str, range(len(counts))))), values, labels)


def split(rows: Table, seed: int = 0, fraction: float = 0.2):
    return split_rows(rows, validation_fraction=fraction, test_fraction=fraction, seed=seed)


def test_every_row_is_in_one_split():
    rows = table(50, 30, 20)
    assert sorted(np.concatenate(split(rows))) == list(range(100))


def test_each_class_is_split_by_the_fractions():
    rows = table(50, 30, 20)
    assert np.bincount(rows.labels[split(rows).test]).tolist() == [10, 6, 4]
    assert np.bincount(rows.labels[split(rows).validation]).tolist() == [10, 6, 4]


def test_seed_decides():
    rows = table(50, 50)
    assert np.array_equal(split(rows, 1).test, split(rows, 1).test)
    assert not np.array_equal(split(rows, 1).test, split(rows, 2).test)


@pytest.mark.parametrize("count", [3, 4, 5])
def test_small_class_reaches_every_split(count: int):
    rows = table(count, 40)
    assert all((rows.labels[part] == 0).any() for part in split(rows, fraction=0.4))


def test_too_small_class():
    with pytest.raises(InvalidData, match=r"class '1': expected at least 3 different rows.* got 2"):
        split(table(10, 2))
