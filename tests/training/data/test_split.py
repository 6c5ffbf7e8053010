"""Splits: stratified by class or by number, disjoint, by the seed."""

from __future__ import annotations

import numpy as np
import pytest

from training.data.split import by_class, by_number, split_rows
from training.data.tables.table import Schema, Table
from training.errors import InvalidData


def table(*counts: int) -> Table:
    labels = np.repeat(np.arange(len(counts)), counts)
    values = np.arange(len(labels), dtype=np.float32)[:, None]
    return Table(Schema(("x",), "label", tuple(map(str, range(len(counts))))), values, labels)


def numbers(count: int) -> Table:
    """Rows whose number to predict is anywhere, and stands for the row."""
    labels = np.random.default_rng(0).permutation(count).astype(np.float32)
    return Table(Schema(("x",), "size"), labels[:, None], labels)


def classes_of(rows: Table):
    return by_class(rows.labels, rows.schema.classes)


def split(rows: Table, seed: int = 0, fraction: float = 0.2):
    strata = by_number(rows.labels, "size") if rows.schema.numeric else classes_of(rows)
    return split_rows(strata, validation_fraction=fraction, test_fraction=fraction, seed=seed)


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


def test_every_tenth_of_the_numbers_is_split_by_the_fractions():
    rows = numbers(200)
    parts = split(rows)
    assert sorted(np.concatenate(parts)) == list(range(200))
    for part, each in ((parts.train, 12), (parts.validation, 4), (parts.test, 4)):
        assert np.bincount(rows.labels[part].astype(int) // 20).tolist() == [each] * 10


def test_seed_decides_over_numbers_too():
    rows = numbers(100)
    assert np.array_equal(split(rows, 1).test, split(rows, 1).test)
    assert not np.array_equal(split(rows, 1).test, split(rows, 2).test)


def test_equal_numbers_are_split_as_any():
    rows = Table(Schema(("x",), "size"), np.zeros((40, 1), np.float32), np.zeros(40, np.float32))
    assert len(split(rows).test) == 10 * max(1, int(4 * 0.2))


def test_too_few_rows_for_tenths():
    with pytest.raises(InvalidData, match=r"tenth 10 of the rows by 'size': .* got 2"):
        split(numbers(29))
