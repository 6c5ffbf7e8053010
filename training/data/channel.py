"""Tables as CSV: what the channel `training` of a job holds."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

import numpy as np

from training.data.sources import SOURCES
from training.data.table import Table
from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from training.data.table import Schema
    from training.recipe import Recipe

# In lower case.
MISSING = frozenset({"", "na", "nan"})
_LARGEST = float(np.finfo(np.float32).max)


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
    """All `*.csv` files of the folder, in the order of their names, as one table.

    Columns may come in any order. A value is missing where its cell is empty, `NA` or `NaN`: it
    becomes NaN if allowed; a label must be there always. Raises InvalidData naming file, line and
    column.
    """
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise InvalidData("channel 'training'", expected="at least one .csv file", got="none")
    values: list[list[float]] = []
    labels: list[float] = []
    for file in files:
        for row, label in _rows(schema, file, missing_allowed=missing_allowed):
            values.append(row)
            labels.append(label)
    if not values:
        raise InvalidData(files[0].name, expected="rows below the header", got="none")
    kind = np.float32 if schema.numeric else np.int64
    return Table(schema, np.array(values, np.float32), np.array(labels, kind))


def _rows(
    schema: Schema, file: Path, *, missing_allowed: bool
) -> Iterator[tuple[list[float], float]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.reader(opened)
        try:
            header = next(reader, [])
            places = _places(schema, file.name, header)
            for cells in filter(None, reader):
                where = f"{file.name}, line {reader.line_num}"
                if len(cells) != len(header):
                    raise InvalidData(where, expected=f"{len(header)} values", got=f"{len(cells)}")
                yield (
                    [
                        math.nan
                        if missing_allowed and cells[place].strip().lower() in MISSING
                        else _number(where, name, cells[place])
                        for name, place in zip(schema.columns, places, strict=False)
                    ],
                    _label(schema, where, cells[places[-1]]),
                )
        except (UnicodeDecodeError, csv.Error) as error:
            raise InvalidData(file.name, expected="CSV in UTF-8", got=str(error)) from None


def _places(schema: Schema, name: str, header: Sequence[str]) -> list[int]:
    """Where each column of the schema stands in the file, the label last."""
    where = f"{name}, line 1"
    wanted = (*schema.columns, schema.label)
    for column in wanted:
        if header.count(column) != 1:
            got = "none of this name" if column not in header else "more than one"
            raise InvalidData(f"{where}, column '{column}'", expected="the column once", got=got)
    if extra := [column for column in header if column not in wanted]:
        raise InvalidData(
            where,
            expected=f"{wanted[0]} to {schema.columns[-1]} and {schema.label} only",
            got=f"column '{extra[0]}' too",
        )
    return [header.index(column) for column in wanted]


def _number(where: str, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= _LARGEST:
        raise InvalidData(
            f"{where}, column '{column}'", expected="a finite float32", got=repr(text)
        )
    return value


def _label(schema: Schema, where: str, text: str) -> float:
    if schema.numeric:
        return _number(where, schema.label, text)
    classes = len(schema.classes)
    label = int(text) if text.strip().isascii() and text.strip().isdigit() else -1
    if not 0 <= label < classes:
        raise InvalidData(
            f"{where}, column '{schema.label}'",
            expected=f"a whole number from 0 to {classes - 1}",
            got=repr(text),
        )
    return label
