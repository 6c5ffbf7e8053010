"""CSV in and out: the bundled data, and any table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from training.data.tables import comma
from training.data.tables.channel import read_channel, write_csv
from training.data.tables.sources import SOURCES
from training.errors import InvalidData, MissingPackage
from training.recipe import load

if TYPE_CHECKING:
    from pathlib import Path

    from training.data.tables.table import Table

CLASSES = {"label": "label", "classes": "no,yes"}
NUMBERS = {"label": "size"}


def read_text(folder: Path, text: str | bytes, **settings: str) -> Table:
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "rows.csv").write_bytes(content)
    recipe = load("regression" if settings.get("label") == "size" else "tabular", settings)
    return read_channel(recipe, folder)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("tabular", "digits"),
        ("tabular", "breast_cancer"),
        ("tabular", "wine"),
        ("regression", "diabetes"),
    ],
)
def test_what_is_written_reads_back(tmp_path: Path, name: str, source: str):
    recipe = load(name, {"source": source})
    file = write_csv(recipe, tmp_path / "data")
    assert file.name == f"{source}.csv"
    table = read_channel(recipe, file.parent)
    assert table.schema == SOURCES[source].schema
    assert table.digest() == SOURCES[source].bundled().digest()


def test_header_of_the_bundled_data(tmp_path: Path, recipe):
    header = write_csv(recipe, tmp_path).read_text().split("\n", maxsplit=1)[0]
    assert header == ",".join([*(f"pixel_{i}" for i in range(64)), "label"])


def test_columns_in_any_order_and_blank_lines(tmp_path: Path):
    text = "label,b,a\nyes,2.5,-1\n\nno,1e3,0\n\n"
    table = read_text(tmp_path, text, **CLASSES, columns="a,b")
    assert table.values.tolist() == [[-1.0, 2.5], [0.0, 1000.0]]
    assert table.labels.tolist() == [1, 0]
    assert (table.values.dtype, table.labels.dtype) == (np.float32, np.int64)


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfa,b,label\r\n1,2,no\r\n3,4,yes\r\n",
        b'"a","b","label"\n"1","2"," no "\n 3 ,4,"yes"',
        b"a,b,label\n\n1,2,no\n\n\n3,4,yes\n\n",
        b"b,label,a\n2,no,1\n4,yes,3\n",
    ],
    ids=["byte order mark and CRLF", "quotes and spaces", "blank lines", "order"],
)
def test_ways_to_write_the_same_table(tmp_path: Path, text: bytes):
    table = read_text(tmp_path, text, **CLASSES, columns="a,b")
    assert table.values.tolist() == [[1, 2], [3, 4]]
    assert table.labels.tolist() == [0, 1]


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path):
    (tmp_path / "2.csv").write_text("a,b,label\n2,2,no\n")
    (tmp_path / "1.CSV").write_text("label,b,a\nno,1,1\n")
    table = read_channel(load("tabular", CLASSES), tmp_path)
    assert table.schema.columns == ("b", "a")
    assert table.values[:, 1].tolist() == [1.0, 2.0]


def test_without_a_list_every_other_column_is_learned_from(tmp_path: Path):
    text = "id,a,label,when,b\n7,1,no,2,3\n8,4,yes,5,6\n"
    table = read_text(tmp_path, text, label="label", time="when")
    assert table.schema.columns == ("id", "a", "b")
    assert read_text(tmp_path, text, label="label", columns="b").values.tolist() == [[3], [6]]


@pytest.mark.parametrize(
    ("labels", "classes", "numbers"),
    [
        ("rose,iris,rose", ("iris", "rose"), [1, 0, 1]),
        ("10,9,10", ("9", "10"), [1, 0, 1]),
        ("2.0,-1,2", ("-1", "2"), [1, 0, 1]),
        ("10,b,9", ("10", "9", "b"), [0, 2, 1]),
    ],
)
def test_classes_are_found_in_the_order_of_numbers_or_letters(
    tmp_path: Path, labels: str, classes: tuple[str, ...], numbers: list[int]
):
    rows = "".join(f"{i},{label}\n" for i, label in enumerate(labels.split(",")))
    table = read_text(tmp_path, "a,label\n" + rows, label="label")
    assert table.schema.classes == classes
    assert table.labels.tolist() == numbers


def test_categories_are_numbered_over_parts_and_files(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(comma, "PART_ROWS", 2)
    (tmp_path / "1.csv").write_text("city,size\nRome,1\nBern,2\nOslo,3\n")
    text = "city,size\nBern,4\nAthens,5\n"
    table = read_text(tmp_path, text, **NUMBERS, categorical="city")
    assert table.schema.categories == {"city": ("Athens", "Bern", "Oslo", "Rome")}
    assert table.values[:, 0].tolist() == [3, 1, 2, 1, 0]


def test_digest_tells_categories_apart(tmp_path: Path):
    texts = [f"city,size\n{city},1\nBern,2\n" for city in ("Athens", "Argos")]
    tables = [read_text(tmp_path, text, **NUMBERS, categorical="city") for text in texts]
    assert np.array_equal(tables[0].values, tables[1].values)
    assert tables[0].digest() != tables[1].digest()


def test_groups_and_times(tmp_path: Path):
    text = "a,who,when,size\n1,x,2026-01-02,1\n2,y,2026-01-01T12:00:00,2\n3,x,2026-01-01,3\n"
    grouped = read_text(tmp_path, text, **NUMBERS, group="who", columns="a")
    assert grouped.groups.tolist() == [0, 1, 0]
    timed = read_text(tmp_path, text, **NUMBERS, time="when", columns="a")
    assert (timed.times - timed.times[2]).tolist() == [86400, 43200, 0]


def test_moments_of_other_zones_and_plain_numbers(tmp_path: Path):
    text = "a,when,size\n1,2026-01-01T12:00:00+02:00,1\n2,2026-01-01T10:00:00Z,2\n"
    times = read_text(tmp_path, text, **NUMBERS, time="when").times
    assert times[0] == times[1]
    text = "a,when,size\n1,2020,1\n2,2021.5,2\n"
    assert read_text(tmp_path, text, **NUMBERS, time="when").times.tolist() == [2020, 2021.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a,b\n1,0\n",
            r"line 1, column 'label': .* once, got none of this name; the columns are a",
        ),
        ("a;b;label\n1;2;no\n", r"column 'label': .* separated by semicolons: save it with commas"),
        ("", r"line 1, column 'label': expected the column once, got .*; the file is empty"),
        ("a,b,b,label\n", r"line 1, column 'b': expected the column once, got more than one"),
        (",a,label\n0,1,no\n", r"line 1, column 1: expected a name for each .* index=False"),
        ("label\nno\n", r"line 1: expected columns beside the label, got none"),
        (
            "a,b,label\n1,2,no\n1,x,no\n",
            r"rows.csv, line 3, column 'b': .* got 'x'; leave the row out",
        ),
        ("a,b,label\n1,,no\n", r"line 2, column 'b': expected a finite float32, got ''; missing="),
        ("a,b,label\n1,inf,no\n", r"line 2, column 'b': expected a finite float32, got 'inf'$"),
        ("a,b,label\n1,1e39,no\n", r"line 2, column 'b': expected a finite float32, got '1e39'$"),
        ("a,b,label\n1,1_0,no\n", r"line 2, column 'b': expected a finite float32, got '1_0'"),
        ("a,b,label\n1,2,maybe\n", r"line 2, column 'label': expected one of no, yes, got 'maybe'"),
        (
            "a,b,label\n\n1,2,\n",
            r"line 3, column 'label': expected a value in every row, got ''; remove",
        ),
        ("a,b,label\n1,2\n", r"line 2: expected 3 values, got 2"),
        ("a,b,label\n", r"rows.csv: expected rows below the header, got none"),
        ('a,b,label\n1,"2,no\n3,4,no\n', r"rows.csv, line 3: expected CSV .* unexpected end"),
        (b"a,b,label\n\xff,2,no\n", r"rows.csv: expected CSV in UTF-8"),
        ("a,b,label\n1,2,no\n".encode("utf-16"), r"rows.csv: expected CSV in UTF-8"),
    ],
)
def test_wrong_table_says_line_and_reason(tmp_path: Path, text: str | bytes, message: str):
    with pytest.raises(InvalidData, match=message):
        read_text(tmp_path, text, **CLASSES)


def test_columns_of_words_are_all_named(tmp_path: Path):
    text = "a,city,b,kind,empty,label\n1,Bern,2,flat,,no\n1,Rome,2,3,,yes\n"
    message = r"line 2, column 'city': .* got 'Bern'; categorical=city,kind takes columns of words"
    with pytest.raises(InvalidData, match=message):
        read_text(tmp_path, text, label="label")


def test_second_file_must_have_the_columns_of_the_first(tmp_path: Path):
    (tmp_path / "1.csv").write_text("a,label\n1,no\n")
    for text, message in (
        ("a,b,label\n", "rows.csv, line 1: expected a to a and label only, got column 'b' too"),
        ("b,label\n", "rows.csv, line 1, column 'a': expected the column once, got none"),
    ):
        with pytest.raises(InvalidData, match=message):
            read_text(tmp_path, text, **CLASSES)


def test_table_of_other_columns_than_the_sources(tmp_path: Path, recipe):
    (tmp_path / "rows.csv").write_text("a,b,label\n1,2,3\n")
    with pytest.raises(InvalidData, match=r"column 'pixel_0': .* a table of your own set label"):
        read_channel(recipe, tmp_path)


def test_settings_that_name_a_column_which_is_not_there(tmp_path: Path):
    for setting in ("columns", "categorical", "group", "time"):
        with pytest.raises(InvalidData, match="line 1, column 'c': expected the column once"):
            read_text(tmp_path, "a,label\n1,no\n", **CLASSES, **{setting: "c"})


def test_too_many_classes_or_categories(tmp_path: Path):
    rows = "".join(f"{i},{i}.5\n" for i in range(1001))
    with pytest.raises(InvalidData, match=r"'label': .* 1000 classes \(regression .* got 1001"):
        read_text(tmp_path, "a,label\n" + rows, label="label")
    with pytest.raises(InvalidData, match=r"'a': .* 1000 categories .* got 1001"):
        read_text(tmp_path, "a,size\n" + rows, **NUMBERS, categorical="a")


def test_numbers_that_float32_would_make_one(tmp_path: Path):
    rows = "".join(f"{1_790_000_000 + i},{i}\n" for i in range(100))
    with pytest.raises(InvalidData, match=r"column 'at': .* 1790000000 to 1790000099; subtract"):
        read_text(tmp_path, "at,size\n" + rows, **NUMBERS)
    # Large ones that are far apart lose nothing that matters.
    rows = "".join(f"{1_000_000_007 * i},{i}\n" for i in range(100))
    assert len(read_text(tmp_path, "at,size\n" + rows, **NUMBERS).labels) == 100


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("2026-01-01,soon", r"line 3, column 'when': expected a number or a date .* got 'soon'"),
        ("2026-01-01,7", r"line 3, column 'when': expected a date, as in the rows before, got '7'"),
        ("7,", r"line 3, column 'when': expected a number, as in the rows before, got ''"),
    ],
)
def test_time_that_is_none(tmp_path: Path, cells: str, message: str):
    rows = "".join(f"1,{cell},2\n" for cell in cells.split(","))
    with pytest.raises(InvalidData, match=message):
        read_text(tmp_path, "a,when,size\n" + rows, **NUMBERS, time="when")


def test_times_of_two_files_are_of_one_kind(tmp_path: Path):
    (tmp_path / "1.csv").write_text("a,when,size\n1,2026,2\n")
    message = (
        "rows.csv, line 2, column 'when': expected a number, as in the rows before, got '2026-"
    )
    with pytest.raises(InvalidData, match=message):
        read_text(tmp_path, "a,when,size\n1,2026-01-01,2\n", **NUMBERS, time="when")


def test_channel_without_a_table(tmp_path: Path):
    with pytest.raises(
        InvalidData, match=r"expected at least one \.csv or \.parquet file, got none"
    ):
        read_channel(load("tabular", CLASSES), tmp_path)
    (tmp_path / "rows.csv.gz").touch()
    (tmp_path / "._rows.csv").touch()
    with pytest.raises(InvalidData, match=r"got none, but rows\.csv\.gz$"):
        read_channel(load("tabular", CLASSES), tmp_path)


def test_number_to_predict(tmp_path: Path):
    table = read_text(tmp_path, "size,a,b\n0.5,1,2\n-3e2,3,4\n", **NUMBERS)
    assert (table.labels.tolist(), table.labels.dtype) == ([0.5, -300.0], np.float32)


@pytest.mark.parametrize("cell", ["", "much", "inf", "1e39", "nan", "NA"])
@pytest.mark.parametrize("missing", ["stop", "mean"])
def test_number_to_predict_must_be_one(tmp_path: Path, cell: str, missing: str):
    message = f"rows.csv, line 3, column 'size': expected a finite float32, got '{cell}'"
    if cell in {"", "nan", "NA"}:
        message += "; remove such rows$"
    with pytest.raises(InvalidData, match=message):
        read_text(tmp_path, f"a,b,size\n1,2,3\n1,2,{cell}\n", **NUMBERS, missing=missing)


@pytest.mark.parametrize("cell", ["", " ", "NA", "NaN", "nan"])
def test_missing_value_where_it_is_allowed(tmp_path: Path, cell: str):
    table = read_text(tmp_path, f"a,b,label\n1,{cell},no\n", **CLASSES, missing="drop")
    np.testing.assert_array_equal(table.values, [[1.0, np.nan]])


def test_missing_category(tmp_path: Path):
    text = "a,city,label\n1,Bern,no\n2,,yes\n"
    settings = {**CLASSES, "categorical": "city"}
    table = read_text(tmp_path, text, **settings, missing="mean")
    np.testing.assert_array_equal(table.values[:, 1], [0, np.nan])
    with pytest.raises(InvalidData, match=r"line 3, column 'city': .* got ''; missing=drop leaves"):
        read_text(tmp_path, text, **settings)


def test_word_is_no_missing_value(tmp_path: Path):
    with pytest.raises(InvalidData, match="column 'b': expected a finite float32, got 'none'"):
        read_text(tmp_path, "a,b,label\n1,none,no\n", **CLASSES, missing="mean")


def test_parquet_without_its_reader_says_what_to_install(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    (tmp_path / "rows.parquet").touch()
    with pytest.raises(MissingPackage, match=r"'duckdb', which .* 'infermeter\[parquet\]'$"):
        read_channel(load("tabular", CLASSES), tmp_path)


def test_tables_whose_classes_alone_differ_are_not_the_same(tmp_path: Path):
    digests = {
        read_text(tmp_path, f"a,label\n1,{one}\n2,{other}\n", label="label").digest()
        for one, other in (("cat", "dog"), ("no", "yes"), ("0", "1"))
    }
    assert len(digests) == 3
