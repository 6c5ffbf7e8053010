"""Splits: stratified by class or by number, disjoint, by the seed."""

from __future__ import annotations

import numpy as np
import pytest

from training.data.split import by_class, by_number, split_groups, split_rows, split_times
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


def grouped(groups: np.ndarray, labels: np.ndarray, seed: int = 0):
    names = [f"{label}" for label in range(labels.max() + 1)]
    return split_groups(
        groups,
        lambda first: by_class(labels[first], names),
        validation_fraction=0.2,
        test_fraction=0.2,
        seed=seed,
    )


def test_no_group_is_in_two_splits():
    random = np.random.default_rng(0)
    groups, labels = random.integers(0, 100, 1000) * 7, random.integers(0, 3, 1000)
    parts = grouped(groups, labels)
    assert sorted(np.concatenate(parts)) == list(range(1000))
    assert all((np.diff(part) > 0).all() for part in parts)
    sets = [set(groups[part]) for part in parts]
    assert sum(map(len, sets)) == len(set(groups))
    assert len(sets[1]) == pytest.approx(20, abs=2)


def test_groups_are_split_by_the_label_of_their_first_row():
    labels = np.repeat([0, 1], [160, 40])
    parts = grouped(np.arange(200) // 2, labels)
    assert [np.bincount(labels[part]).tolist() for part in parts] == [[96, 24], [32, 8], [32, 8]]


def test_groups_of_rare_classes_are_split_together():
    labels = np.repeat([0, 1, 2, 3], [60, 2, 2, 2])
    parts = grouped(np.arange(66) // 2, labels)
    assert [len(part) for part in parts] == [2 * (30 - 12 + 1), 14, 14]
    # Too few even together: they go with the largest that there is.
    assert sorted(np.concatenate(grouped(np.arange(62) // 2, labels[:62]))) == list(range(62))


def test_seed_decides_over_groups_too():
    groups, labels = np.arange(100) // 2, np.zeros(100, np.int64)
    assert np.array_equal(grouped(groups, labels, 1).test, grouped(groups, labels, 1).test)
    assert not np.array_equal(grouped(groups, labels, 1).test, grouped(groups, labels, 2).test)


def test_too_few_groups():
    with pytest.raises(InvalidData, match=r"table: expected at least 3 groups, .* got 2"):
        grouped(np.arange(100) // 50, np.zeros(100, np.int64))


def timed(times: list[float]):
    return split_times(np.array(times, float), validation_fraction=0.2, test_fraction=0.2)


def test_latest_rows_are_held_out():
    times = np.random.default_rng(0).permutation(50)
    parts = timed(times.tolist())
    assert [sorted(times[part]) for part in parts] == [
        list(range(30)),
        list(range(30, 40)),
        list(range(40, 50)),
    ]


def test_rows_of_one_time_stay_together():
    times = np.repeat([1, 2, 3, 4], [5, 1, 1, 3])
    parts = timed(times.tolist())
    assert [times[part].tolist() for part in parts] == [[1] * 5, [2, 3], [4] * 3]


@pytest.mark.parametrize("times", [[1, 1, 1, 1], [1, 1, 2, 2], [1, 2]])
def test_too_few_times(times: list[float]):
    message = f"expected times that leave rows .* got {len(set(times))} different ones"
    with pytest.raises(InvalidData, match=message):
        timed(times)
