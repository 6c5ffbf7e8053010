"""Parquet files as tables, by pyarrow where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.data.tables.columns import LARGEST, check_columns, whole_number
from training.errors import InvalidData, MissingPackage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.tables.table import Schema


def read_parquet(
    schema: Schema, file: Path, *, missing_allowed: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values [rows, columns] and labels [rows] of one file; NaN where a value is null.

    Rows are counted from 1. Raises InvalidData naming file, row and column, and MissingPackage.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise MissingPackage("pyarrow", install="pyarrow") from None
    try:
        table = pyarrow.parquet.read_table(file)
    except (pyarrow.ArrowException, OSError) as error:
        raise InvalidData(file.name, expected="Parquet", got=str(error)) from None
    check_columns(schema, file.name, table.column_names)
    wanted = (*schema.columns, schema.label)
    columns = []
    for name in wanted:
        try:
            column = table.column(name).cast(pyarrow.float64())
        except pyarrow.ArrowException as error:
            where = f"{file.name}, column '{name}'"
            raise InvalidData(where, expected="numbers", got=str(error)) from None
        columns.append(column.to_numpy().astype(np.float64))
    cells = np.column_stack(columns)
    absent = np.isnan(cells)
    absent[:, -1] = False
    wrong = ~(np.abs(cells) <= LARGEST) & ~(absent & missing_allowed)
    _refuse_first(file.name, wanted, cells, wrong, "a finite float32")
    if not schema.numeric:
        outside = np.zeros_like(wrong)
        outside[:, -1] = ~np.isin(cells[:, -1], np.arange(len(schema.classes)))
        _refuse_first(file.name, wanted, cells, outside, whole_number(schema))
    return cells[:, :-1], cells[:, -1]


def _refuse_first(
    file: str,
    names: Sequence[str],
    cells: NDArray[np.float64],
    wrong: NDArray[np.bool_],
    expected: str,
) -> None:
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        where = f"{file}, row {row + 1}, column '{names[column]}'"
        raise InvalidData(where, expected=expected, got=f"'{cells[row, column]:g}'")
