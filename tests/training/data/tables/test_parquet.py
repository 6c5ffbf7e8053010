"""Parquet in: the same table as from CSV. Runs where pyarrow is installed, which nothing needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from training.data.tables.channel import read_channel
from training.data.tables.table import Schema
from training.errors import InvalidData

if TYPE_CHECKING:
    from pathlib import Path

pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
parquet = pytest.importorskip("pyarrow.parquet")

SCHEMA = Schema(("a", "b"), "label", ("no", "yes"))
NUMBERS = Schema(("a", "b"), "size")


def read(folder: Path, columns: dict[str, Any], schema: Schema = SCHEMA, *, missing_allowed=False):
    parquet.write_table(pyarrow.table(columns), folder / "rows.parquet")
    return read_channel(schema, folder, missing_allowed=missing_allowed)


def test_same_table_as_from_csv(tmp_path: Path):
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "rows.csv").write_text("label,b,a\n1,2.5,-1\n0,1e3,0\n")
    table = read(tmp_path, {"label": [1, 0], "b": [2.5, 1e3], "a": [-1, 0]})
    same = read_channel(SCHEMA, tmp_path / "csv", missing_allowed=False)
    assert table.digest() == same.digest()


def test_files_of_both_kinds_are_one_table(tmp_path: Path):
    (tmp_path / "first.csv").write_text("a,b,size\n1,1,1\n")
    table = read(tmp_path, {"a": [2, 3], "b": [2, 3], "size": [2.5, 3.5]}, NUMBERS)
    assert table.labels.tolist() == [1.0, 2.5, 3.5]


def test_null_is_missing_where_it_is_allowed(tmp_path: Path):
    columns = {"a": [1, None], "b": [None, 0.5], "label": [0, 1]}
    table = read(tmp_path, columns, missing_allowed=True)
    np.testing.assert_array_equal(table.values, [[1, np.nan], [np.nan, 0.5]])


@pytest.mark.parametrize("missing_allowed", [False, True])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"b": [1.0, float("inf")]}, "row 2, column 'b': expected a finite float32, got 'inf'"),
        ({"b": [1e39, 2.0]}, r"row 1, column 'b': expected a finite float32, got '1e\+39'"),
        ({"b": ["one", "two"]}, "rows.parquet, column 'b': expected numbers, got Failed to parse"),
        ({"label": [0, 2]}, "row 2, column 'label': expected a whole number from 0 to 1, got '2'"),
        ({"label": [0.5, 1]}, "row 1, column 'label': expected a whole number .* got '0.5'"),
        ({"label": [0, None]}, "row 2, column 'label': expected a finite float32, got 'nan'"),
        ({"c": [1, 2]}, "rows.parquet: expected a to b and label only, got column 'c' too"),
    ],
)
def test_wrong_table_says_row_and_reason(
    tmp_path: Path, changes: dict[str, Any], message: str, missing_allowed: bool
):
    columns = {"a": [1, 2], "b": [1, 2], "label": [0, 1], **changes}
    with pytest.raises(InvalidData, match=message):
        read(tmp_path, columns, missing_allowed=missing_allowed)


def test_null_that_is_not_allowed(tmp_path: Path):
    with pytest.raises(InvalidData, match="row 2, column 'a': expected a finite float32, got 'nan"):
        read(tmp_path, {"a": [1, None], "b": [1, 2], "label": [0, 1]})


def test_no_rows(tmp_path: Path):
    empty = pyarrow.array([], pyarrow.float64())
    with pytest.raises(InvalidData, match="expected rows"):
        read(tmp_path, {"a": empty, "b": empty, "label": empty})


def test_not_parquet(tmp_path: Path):
    (tmp_path / "rows.parquet").write_bytes(b"a,b,label\n1,2,0\n")
    with pytest.raises(InvalidData, match=r"rows.parquet: expected Parquet, got"):
        read_channel(SCHEMA, tmp_path, missing_allowed=False)
