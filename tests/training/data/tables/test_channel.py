"""CSV in and out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from training.data.tables.channel import read_channel, write_csv
from training.data.tables.sources import SOURCES
from training.data.tables.table import Schema
from training.errors import InvalidData, MissingPackage
from training.recipe import load

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = Schema(("a", "b"), "label", ("no", "yes"))
NUMBERS = Schema(("a", "b"), "size")


def read(folder: Path, text: str, schema: Schema = SCHEMA, *, missing_allowed: bool = False):
    (folder / "rows.csv").write_text(text)
    return read_channel(schema, folder, missing_allowed=missing_allowed)


@pytest.mark.parametrize("name", ["tabular", "regression"])
def test_what_is_written_reads_back(tmp_path: Path, name: str):
    recipe = load(name, {})
    file = write_csv(recipe, tmp_path / "data")
    source = SOURCES[recipe.data.source]
    assert file.name == f"{recipe.data.source}.csv"
    table = read_channel(source.schema, file.parent, missing_allowed=False)
    assert table.digest() == source.bundled().digest()


def test_header_of_the_bundled_data(tmp_path: Path, recipe):
    header = write_csv(recipe, tmp_path).read_text().split("\n", maxsplit=1)[0]
    assert header == ",".join([*(f"pixel_{i}" for i in range(64)), "label"])


def test_columns_in_any_order_and_blank_lines(tmp_path: Path):
    table = read(tmp_path, "label,b,a\n1,2.5,-1\n\n0,1e3,0\n\n")
    assert table.values.tolist() == [[-1.0, 2.5], [0.0, 1000.0]]
    assert table.labels.tolist() == [1, 0]
    assert (table.values.dtype, table.labels.dtype) == (np.float32, np.int64)


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path):
    (tmp_path / "2.csv").write_text("a,b,label\n2,2,0\n")
    (tmp_path / "1.csv").write_text("a,b,label\n1,1,0\n")
    assert read_channel(SCHEMA, tmp_path, missing_allowed=False).values[:, 0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,label\n1,0\n", r"rows.csv, line 1, column 'b': expected the column once, got none"),
        ("a,b,b,label\n", r"line 1, column 'b': expected the column once, got more than one"),
        ("a,b,c,label\n", r"line 1: expected a to b and label only, got column 'c' too"),
        ("a,b,label\n1,2,0\n1,x,0\n", r"line 3, column 'b': expected a finite float32, got 'x'"),
        ("a,b,label\n1,,0\n", r"line 2, column 'b': expected a finite float32, got ''"),
        ("a,b,label\n1,inf,0\n", r"line 2, column 'b': expected a finite float32, got 'inf'"),
        ("a,b,label\n1,1e39,0\n", r"line 2, column 'b': expected a finite float32, got '1e39'"),
        ("a,b,label\n1,2,2\n", r"line 2, column 'label': expected a whole .* 0 to 1, got '2'"),
        ("a,b,label\n1,2,-1\n", r"line 2, column 'label': .* got '-1'"),
        ("a,b,label\n1,2,yes\n", r"line 2, column 'label': .* got 'yes'"),
        ("a,b,label\n1,2\n", r"line 2: expected 3 values, got 2"),
        ("a,b,label\n", r"rows.csv: expected rows below the header, got none"),
        ("", r"line 1, column 'a': expected the column once, got none"),
    ],
)
def test_wrong_table_says_line_and_reason(tmp_path: Path, text: str, message: str):
    with pytest.raises(InvalidData, match=message):
        read(tmp_path, text)


def test_not_text(tmp_path: Path):
    (tmp_path / "rows.csv").write_bytes(b"a,b,label\n\xff,2,0\n")
    with pytest.raises(InvalidData, match="expected CSV in UTF-8"):
        read_channel(SCHEMA, tmp_path, missing_allowed=False)


def test_channel_without_a_csv_file(tmp_path: Path):
    with pytest.raises(
        InvalidData, match=r"expected at least one \.csv or \.parquet file, got none"
    ):
        read_channel(SCHEMA, tmp_path, missing_allowed=False)


def test_number_to_predict(tmp_path: Path):
    table = read(tmp_path, "size,a,b\n0.5,1,2\n-3e2,3,4\n", NUMBERS)
    assert (table.labels.tolist(), table.labels.dtype) == ([0.5, -300.0], np.float32)


@pytest.mark.parametrize("cell", ["", "much", "inf", "1e39", "nan", "NA"])
@pytest.mark.parametrize("missing_allowed", [False, True])
def test_number_to_predict_must_be_one(tmp_path: Path, cell: str, missing_allowed: bool):
    message = f"rows.csv, line 3, column 'size': expected a finite float32, got '{cell}'"
    with pytest.raises(InvalidData, match=message):
        read(tmp_path, f"a,b,size\n1,2,3\n1,2,{cell}\n", NUMBERS, missing_allowed=missing_allowed)


@pytest.mark.parametrize("cell", ["", " ", "NA", "NaN", "nan"])
def test_missing_value_where_it_is_allowed(tmp_path: Path, cell: str):
    table = read(tmp_path, f"a,b,label\n1,{cell},0\n", missing_allowed=True)
    np.testing.assert_array_equal(table.values, [[1.0, np.nan]])


def test_word_is_no_missing_value(tmp_path: Path):
    with pytest.raises(InvalidData, match="column 'b': expected a finite float32, got 'none'"):
        read(tmp_path, "a,b,label\n1,none,0\n", missing_allowed=True)


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "rows.parquet").touch()
    with pytest.raises(MissingPackage, match=r"'pyarrow', which is not .* pip install pyarrow$"):
        read_channel(SCHEMA, tmp_path, missing_allowed=False)
