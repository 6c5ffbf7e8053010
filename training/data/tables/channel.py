"""Tables as files: what the channel `training` of a job holds."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

import numpy as np

from training.data.tables.columns import LARGEST, check_columns, whole_number
from training.data.tables.parquet import read_parquet
from training.data.tables.sources import SOURCES
from training.data.tables.table import Table
from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.tables.table import Schema
    from training.recipe import Recipe

# In lower case.
MISSING = frozenset({"", "na", "nan"})
FORMATS = (".csv", ".parquet")


def write_csv(recipe: Recipe, folder: Path) -> Path:
    """Write the recipe's bundled data as `<folder>/<source>.csv`; the folder is made.

    The header is the schema's columns and its label. Raises MissingPackage.
    """
    table = SOURCES[recipe.data.source].bundled()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{recipe.data.source}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*table.schema.columns, table.schema.label))
        for row, label in zip(table.values, table.labels, strict=True):
            # Nine digits tell any two float32 apart.
            writer.writerow(f"{value:.9g}" for value in (*row, label))
    return path


def read_channel(schema: Schema, folder: Path, *, missing_allowed: bool) -> Table:
    """All `*.csv` and `*.parquet` files of the folder, in the order of their names, as one table.

    Columns may come in any order. A value is missing where a CSV cell is empty, `NA` or `NaN`,
    and where Parquet has null: it becomes NaN if allowed; a label must be there always. Raises
    InvalidData naming file, line or row, and column; MissingPackage for Parquet without pyarrow.
    """
    files = sorted(path for path in folder.glob("*") if path.suffix in FORMATS)
    if not files:
        raise InvalidData(
            "channel 'training'", expected="at least one .csv or .parquet file", got="none"
        )
    parts = [
        (read_parquet if file.suffix == ".parquet" else _read_csv)(
            schema, file, missing_allowed=missing_allowed
        )
        for file in files
    ]
    values, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    if not len(labels):
        raise InvalidData(files[0].name, expected="rows below the header", got="none")
    return Table(
        schema, values.astype(np.float32), labels.astype(np.float32 if schema.numeric else np.int64)
    )


def _read_csv(
    schema: Schema, file: Path, *, missing_allowed: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = list(_rows(schema, file, missing_allowed=missing_allowed))
    cells = np.array(rows, np.float64).reshape(len(rows), len(schema.columns) + 1)
    return cells[:, :-1], cells[:, -1]


def _rows(schema: Schema, file: Path, *, missing_allowed: bool) -> Iterator[list[float]]:
    """The values of each row in the schema's order, the label last."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.reader(opened)
        try:
            header = next(reader, [])
            check_columns(schema, f"{file.name}, line 1", header)
            places = [header.index(column) for column in (*schema.columns, schema.label)]
            for cells in filter(None, reader):
                where = f"{file.name}, line {reader.line_num}"
                if len(cells) != len(header):
                    raise InvalidData(where, expected=f"{len(header)} values", got=f"{len(cells)}")
                yield [
                    *(
                        math.nan
                        if missing_allowed and cells[place].strip().lower() in MISSING
                        else _number(where, name, cells[place])
                        for name, place in zip(schema.columns, places, strict=False)
                    ),
                    _label(schema, where, cells[places[-1]]),
                ]
        except (UnicodeDecodeError, csv.Error) as error:
            raise InvalidData(file.name, expected="CSV in UTF-8", got=str(error)) from None


def _number(where: str, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= LARGEST:
        raise InvalidData(
            f"{where}, column '{column}'", expected="a finite float32", got=repr(text)
        )
    return value


def _label(schema: Schema, where: str, text: str) -> float:
    if schema.numeric:
        return _number(where, schema.label, text)
    label = int(text) if text.strip().isascii() and text.strip().isdigit() else -1
    if not 0 <= label < len(schema.classes):
        raise InvalidData(
            f"{where}, column '{schema.label}'", expected=whole_number(schema), got=repr(text)
        )
    return label
