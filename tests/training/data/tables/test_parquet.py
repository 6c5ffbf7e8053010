"""Parquet in: the same table as from CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest

from training.data.tables.channel import read_channel
from training.errors import InvalidData
from training.recipe import load

if TYPE_CHECKING:
    from pathlib import Path

    from training.data.tables.table import Table

CLASSES = {"label": "label", "classes": "no,yes", "columns": "a,b"}
NUMBERS = {"label": "size"}


def write(file: Path, rows: str, columns: str) -> None:
    """Rows as SQL writes them: `(1, 'x'), (2, NULL)`."""
    query = f"SELECT * FROM (VALUES {rows}) AS t({columns})"  # noqa: S608
    duckdb.sql(query).write_parquet(str(file))


def read(folder: Path, rows: str, names: str = "a, b, label", **settings: str) -> Table:
    write(folder / "rows.parquet", rows, names)
    settings = settings or CLASSES
    recipe = load("regression" if settings["label"] == "size" else "tabular", settings)
    return read_channel(recipe, folder)


def test_same_table_as_from_csv(tmp_path: Path):
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv" / "rows.csv").write_text("label,b,a\nyes,2.5,-1\nno,1e3,0\n")
    table = read(tmp_path, "('yes', 2.5, -1), ('no', 1e3, 0)", "label, b, a")
    same = read_channel(load("tabular", CLASSES), tmp_path / "csv")
    assert table.digest() == same.digest()


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("1::UTINYINT", 1),
        ("-3::BIGINT", -3),
        ("true", 1),
        ("1.25::DECIMAL(10, 2)", 1.25),
        ("0.1::FLOAT", np.float32(0.1)),
        ("'2.5'", 2.5),
    ],
)
def test_kinds_of_numbers(tmp_path: Path, column: str, values: float):
    table = read(tmp_path, f"({column}, 7), ({column}, 8)", "a, size", **NUMBERS)
    assert table.values[:, 0].tolist() == [values, values]


def test_names_numbers_and_truths_are_classes_and_categories(tmp_path: Path):
    rows = "('x'::VARCHAR, 10, true), ('y', 9, false), ('x', 10, true)"
    table = read(tmp_path, rows, "a, b, c", label="c", categorical="a,b")
    assert table.schema.classes == ("false", "true")
    assert table.schema.categories == {"a": ("x", "y"), "b": ("9", "10")}
    assert table.values.tolist() == [[0, 1], [1, 0], [0, 1]]


def test_classes_of_whole_numbers_are_named_alike_where_nulls_made_them_floats(tmp_path: Path):
    (tmp_path / "1.csv").write_text("a,b,label\n1,2,2\n")
    write(tmp_path / "2.parquet", "(1, 3, 2.0::DOUBLE), (1, 4, 3.0)", "a, b, label")
    table = read_channel(load("tabular", {"label": "label"}), tmp_path)
    assert table.schema.classes == ("2", "3")
    assert table.labels.tolist() == [0, 0, 1]


def test_dates_and_moments_order_rows(tmp_path: Path):
    for kind in ("DATE", "TIMESTAMP", "TIMESTAMPTZ"):
        rows = f"('2026-01-02'::{kind}, 1, 2), ('2026-01-01'::{kind}, 3, 4)"
        times = read(tmp_path, rows, "day, a, size", **NUMBERS, time="day").times
        assert times[0] - times[1] == 86400


def test_quotes_in_names_and_signs_in_paths(tmp_path: Path):
    folder = tmp_path / "year=2026 [old]"
    folder.mkdir()
    table = read(folder, "(1, 2), (3, 4)", '"a ""b"" *", size', **NUMBERS)
    assert table.schema.columns == ('a "b" *',)
    assert table.values.tolist() == [[1], [3]]


def test_null_is_missing_where_it_is_allowed(tmp_path: Path):
    table = read(tmp_path, "(1, NULL, 'no'), (NULL, 0.5, 'yes')", **CLASSES, missing="mean")
    np.testing.assert_array_equal(table.values, [[1, np.nan], [np.nan, 0.5]])


@pytest.mark.parametrize("missing", ["stop", "mean"])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("(1, 1.0, 'no'), (2, 'inf'::DOUBLE, 'no')", "row 2, column 'b': .* float32, got 'inf'"),
        ("(1, 1e39, 'no'), (2, 2, 'no')", r"row 1, column 'b': .* float32, got '1e\+39'"),
        ("(1, '2', 'no'), (2, 'two', 'no')", "row 2, column 'b': .* got 'two'; leave the row out"),
        ("(1, [1], 'no')", r"row 1, column 'b': expected a finite float32, got '\[1\]'"),
        ("(1, '2026-01-01'::DATE, 'no')", "row 1, column 'b': .* float32, got '2026-01-01'"),
        ("(1, 1, 'no'), (2, 1, 'maybe')", "row 2, column 'label': expected one of no, yes, got"),
        ("(1, 1, 'no'), (2, 1, NULL)", "row 2, column 'label': expected a value in every row"),
    ],
)
def test_wrong_table_says_row_and_reason(tmp_path: Path, rows: str, message: str, missing: str):
    with pytest.raises(InvalidData, match=f"rows.parquet, {message}"):
        read(tmp_path, rows, **CLASSES, missing=missing)


def test_null_that_is_not_allowed(tmp_path: Path):
    with pytest.raises(InvalidData, match=r"row 2, column 'a': .* got ''; missing=drop leaves"):
        read(tmp_path, "(1, 2, 'no'), (NULL, 2, 'no')")


def test_column_that_is_not_there(tmp_path: Path):
    with pytest.raises(InvalidData, match=r"rows.parquet, column 'b': .* the columns are a, label"):
        read(tmp_path, "(1, 'no')", "a, label")


def test_no_rows(tmp_path: Path):
    file = tmp_path / "rows.parquet"
    duckdb.sql("SELECT 1 AS a, 2 AS b, 'no' AS label LIMIT 0").write_parquet(str(file))
    with pytest.raises(
        InvalidData, match=r"rows.parquet: expected rows below the header, got none"
    ):
        read_channel(load("tabular", CLASSES), tmp_path)


@pytest.mark.parametrize("kept", [0, 3, 200])
def test_broken_file(tmp_path: Path, kept: int):
    write(tmp_path / "rows.parquet", "(1, 2, 'no'), (2, 3, 'yes')", "a, b, label")
    content = (tmp_path / "rows.parquet").read_bytes()
    (tmp_path / "rows.parquet").write_bytes(content[:kept])
    with pytest.raises(InvalidData, match=r"rows.parquet: expected Parquet, got"):
        read_channel(load("tabular", CLASSES), tmp_path)
