"""Tables as files: what the channel `training` of a job holds."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from training.data.tables.building import TableBuilder
from training.data.tables.comma import csv_header, csv_parts
from training.data.tables.layout import bundled_layout, check_header, own_layout
from training.data.tables.parquet import parquet_header, parquet_parts
from training.data.tables.sources import SOURCES
from training.errors import InvalidData
from training.settings.tabular import OWN

if TYPE_CHECKING:
    from pathlib import Path

    from training.data.tables.layout import Layout
    from training.data.tables.table import Table
    from training.recipe import Recipe

CHANNEL = "channel 'training'"
FORMATS = (".csv", ".parquet")


def write_csv(recipe: Recipe, folder: Path) -> Path:
    """Write the recipe's bundled data as `<folder>/<source>.csv`; the folder is made.

    The header is the schema's columns and its label. Raises MissingPackage.
    """
    table = SOURCES[recipe.data.source].bundled()
    schema = table.schema
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{recipe.data.source}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*schema.columns, schema.label))
        for row, label in zip(table.values, table.labels, strict=True):
            # Nine digits tell any two float32 apart.
            name = f"{label:.9g}" if schema.numeric else schema.classes[label]
            writer.writerow((*(f"{value:.9g}" for value in row), name))
    return path


def read_channel(recipe: Recipe, folder: Path) -> Table:
    """All `*.csv` and `*.parquet` files of the folder, in the order of their names, as one table,
    with the columns of the recipe's source or those that its settings name.

    Columns may come in any order. A value is missing where a CSV cell is empty, `NA` or `NaN`,
    and where Parquet has null: it becomes NaN if the recipe says what to do then; a label must be
    there always. Raises InvalidData naming file, line or row, and column; MissingPackage for
    Parquet without DuckDB.
    """
    there = sorted(path for path in folder.glob("*") if not path.name.startswith("."))
    files = [path for path in there if path.suffix.lower() in FORMATS]
    if not files:
        others = ", ".join(path.name for path in there[:3])
        got = f"none, but {others}" if others else "none"
        raise InvalidData(CHANNEL, expected="at least one .csv or .parquet file", got=got)
    layout = _layout(recipe, files[0])
    builder = TableBuilder(layout, missing_allowed=recipe.data.missing != "stop")
    for file in files:
        parquet = file.suffix.lower() == ".parquet"
        check_header(layout, *(parquet_header if parquet else csv_header)(file))
        for part in (parquet_parts if parquet else csv_parts)(file, layout):
            builder.add(part)
    if not builder.rows:
        raise InvalidData(files[0].name, expected="rows below the header", got="none")
    return builder.table()


def _layout(recipe: Recipe, first: Path) -> Layout:
    if recipe.data.source != OWN:
        return bundled_layout(SOURCES[recipe.data.source].schema)
    header = parquet_header if first.suffix.lower() == ".parquet" else csv_header
    return own_layout(recipe.data, recipe.task, *header(first))
