"""What is wrong with a table is counted, and repeated rows go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.data.tables.cleaning import clean
from training.data.tables.table import Schema, Table
from training.errors import InvalidData

CLASSES = Schema(("a", "b"), "label", ("no", "yes"))
NUMBERS = Schema(("a", "b"), "size")
NAN = float("nan")


def table(rows: list[list[float]], labels: list[float], schema: Schema = CLASSES) -> Table:
    kind = np.float32 if schema.numeric else np.int64
    return Table(schema, np.array(rows, np.float32), np.array(labels, kind))


def test_row_equal_to_an_earlier_one_is_a_duplicate_or_with_another_label_a_conflict():
    rows = [[1, 2], [3, 4], [1, 2], [1, 2], [3, 4], [5, 6]]
    kept, report = clean(table(rows, [0, 1, 0, 1, 1, 1]), drop_incomplete=False)
    assert kept.values.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert kept.labels.tolist() == [0, 1, 1]
    assert (report.read, report.kept) == (6, 3)
    assert (report.duplicates, report.conflicts) == (2, 1)


def test_numbers_conflict_too():
    _, report = clean(table([[1, 2], [1, 2]], [0.5, 0.25], NUMBERS), drop_incomplete=False)
    assert (report.duplicates, report.conflicts) == (0, 1)


def test_zero_of_either_sign_and_two_missing_values_are_equal():
    found = table([[0.0, NAN], [-0.0, NAN], [NAN, 0.0]], [0, 0, 0])
    # Not every file has the same bits for it.
    found.values.view(np.uint32)[1, 1] += 1
    kept, report = clean(found, drop_incomplete=False)
    assert (len(kept.labels), report.duplicates) == (2, 1)


def test_incomplete_rows_are_counted_and_stay():
    rows = [[1, NAN], [NAN, NAN], [3, 4]]
    kept, report = clean(table(rows, [0, 1, 1]), drop_incomplete=False)
    assert len(kept.labels) == 3
    assert report.missing == {"a": 1, "b": 2}
    assert (report.incomplete, report.dropped_incomplete) == (2, 0)


def test_incomplete_rows_go_when_asked():
    rows = [[1, NAN], [NAN, NAN], [3, 4]]
    kept, report = clean(table(rows, [0, 1, 1]), drop_incomplete=True)
    assert kept.values.tolist() == [[3, 4]]
    assert report.missing == {"a": 1, "b": 2}
    assert (report.incomplete, report.dropped_incomplete, report.kept) == (2, 2, 1)


def test_no_complete_row_is_refused():
    with pytest.raises(InvalidData, match="table: expected rows without a missing value, got none"):
        clean(table([[1, NAN], [NAN, 2]], [0, 1]), drop_incomplete=True)


def test_outlier_is_farther_from_the_median_than_six_median_deviations():
    # Median 3, median deviation 1: 9 is six of them away, 10 is more.
    rows = [[value, 0.0] for value in (1, 2, 3, 3, 4, 9, 2, 4, 10)]
    kept, report = clean(table(rows, list(range(9)), NUMBERS), drop_incomplete=False)
    assert report.outliers == {"a": 1}
    assert 10 in kept.values


def test_number_to_predict_can_be_an_outlier_and_a_class_cannot():
    rows = [[value, 1.0] for value in range(9)]
    labels = [0, 1, 0, 1, 0, 1, 0, 1, 1]
    assert clean(table(rows, labels), drop_incomplete=False)[1].outliers == {}
    numbers = [1, 2, 3, 4, 5, 6, 7, 8, 900]
    found = clean(table(rows, numbers, NUMBERS), drop_incomplete=False)[1]
    assert found.outliers == {"size": 1}


def test_column_that_is_mostly_one_value_has_no_outliers():
    rows = [[0, value] for value in (5, 5, 5, 5, 5, 5, 7)]
    assert clean(table(rows, list(range(7)), NUMBERS), drop_incomplete=False)[1].outliers == {}


def test_column_without_a_value(recwarn: pytest.WarningsRecorder):
    rows = [[value, NAN] for value in (1, 2, 3, 4, 5, 90)]
    report = clean(table(rows, [1, 2, 3, 4, 5, 6], NUMBERS), drop_incomplete=False)[1]
    assert (report.missing, report.outliers) == ({"b": 6}, {"a": 1})
    assert not recwarn.list


def test_balance_counts_the_rows_that_are_left():
    report = clean(table([[1, 2], [1, 2], [3, 4], [5, 6]], [0, 0, 1, 1]), drop_incomplete=False)[1]
    assert report.balance == {"no": 1, "yes": 2}


def test_summary_has_the_totals():
    rows = [[1, NAN], [NAN, 1], [3, 4], [3, 4]]
    report = clean(table(rows, [0, 1, 1, 1]), drop_incomplete=True)[1]
    assert report.summary() == {
        "read": 4,
        "kept": 1,
        "missing": 2,
        "dropped_incomplete": 2,
        "duplicates": 1,
        "conflicts": 0,
        "dropped_repeated": 1,
        "constant": 0,
        "outliers": 0,
    }


def test_repeated_rows_that_are_kept_are_groups():
    rows = [[1, 2], [3, 4], [1, 2], [-0.0, 2], [3, 4], [0, 2]]
    kept, report = clean(
        table(rows, [0, 1, 1, 1, 1, 0]), drop_incomplete=False, drop_repeated=False
    )
    assert (report.kept, report.duplicates, report.conflicts) == (6, 1, 2)
    assert report.dropped_repeated == 0
    groups = kept.groups.tolist()
    assert groups[0] == groups[2]
    assert groups[1] == groups[4]
    assert groups[3] == groups[5]
    assert len(set(groups)) == 3


def test_no_groups_without_a_repeated_row():
    plain = table([[1, 2], [3, 4]], [0, 1])
    assert clean(plain, drop_incomplete=False, drop_repeated=False)[0].groups is None


def test_groups_that_share_an_equal_row_are_one():
    # 5 and 7 share [1, 2]; 7 and 9 share [3, 4]; 6 and 8 share nothing.
    rows = [[1, 2], [0, 0], [1, 2], [3, 4], [3, 4], [5, 5], [6, 6], [7, 7]]
    own = replace(table(rows, [0, 1] * 4), groups=np.array([5, 6, 7, 7, 9, 9, 8, 5]))
    kept, _ = clean(own, drop_incomplete=False, drop_repeated=False)
    assert kept.groups.tolist() == [5, 6, 5, 5, 5, 5, 8, 5]
    dropped, _ = clean(own, drop_incomplete=False, drop_repeated=True)
    assert dropped.groups.tolist() == [5, 6, 7, 9, 8, 5]


def test_groups_are_united_over_any_number_of_others():
    generator = np.random.default_rng(0)
    # A chain: each group shares one row with the next; and 50 groups that share none.
    chain, order = np.arange(200) // 2, generator.permutation(250)
    equal = np.concatenate([(np.arange(200) + 1) // 2, 200 + np.arange(50)])[order]
    groups = np.concatenate([chain, 100 + np.arange(50)])[order]
    own = replace(table(np.stack([equal, equal], 1).tolist(), [0] * 250), groups=groups)
    kept, _ = clean(own, drop_incomplete=False, drop_repeated=False)
    np.testing.assert_array_equal(kept.groups, np.where(groups < 100, 0, groups))


def test_equal_rows_are_of_the_earliest_ones_time():
    rows = [[1, 2], [3, 4], [1, 2], [5, 6], [3, 4]]
    timed = replace(table(rows, [0, 1, 1, 0, 1]), times=np.array([4.0, 2.0, 1.0, 3.0, 9.0]))
    kept, _ = clean(timed, drop_incomplete=False, drop_repeated=False)
    assert kept.times.tolist() == [1, 2, 1, 3, 2]


@pytest.mark.parametrize(
    ("by", "what"), [({"groups": np.arange(4)}, "groups"), ({"times": np.arange(4.0)}, "times")]
)
def test_equal_rows_that_leave_too_little_to_split_by(by, what: str):
    own = replace(table([[1, 2], [1, 2], [3, 4], [3, 4]], [0, 1, 0, 1]), **by)
    with pytest.raises(InvalidData, match=rf"at least 3 {what} .* got 2 of 4; repeated=drop"):
        clean(own, drop_incomplete=False, drop_repeated=False)


def test_constant_columns_are_named():
    rows = [[1, NAN], [1, 4], [1, NAN]]
    report = clean(table(rows, [0, 1, 1]), drop_incomplete=False)[1]
    assert report.constant == ["a", "b"]
    assert report.summary()["constant"] == 2
    assert clean(table([[1, NAN], [2, NAN]], [0, 1]), drop_incomplete=False)[1].constant == []


def test_categories_are_no_outliers():
    rows = [[value, value] for value in (1, 2, 3, 3, 4, 9, 2, 4, 10)]
    schema = Schema(("a", "b"), "size", (), {"b": tuple("abcdefghijk")})
    report = clean(table(rows, list(range(9)), schema), drop_incomplete=False)[1]
    assert report.outliers == {"a": 1}
