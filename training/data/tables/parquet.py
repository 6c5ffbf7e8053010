"""Parquet files, by DuckDB where it is installed.

It is the lightest of the kept readers that names what is wrong with a file: 69 MB where pyarrow
has 170, fastparquet with pandas 178 and polars 181.
"""

from __future__ import annotations

import glob
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from training.data.tables.cells import Part
from training.errors import InvalidData, MissingPackage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.tables.layout import Layout


def parquet_header(file: Path) -> tuple[str, list[str]]:
    """Its place, and the columns' names."""
    with _opened(file) as relation:
        return file.name, list(relation.columns)


def parquet_parts(file: Path, layout: Layout) -> Iterator[Part]:
    """All rows at once, counted from 1. Raises InvalidData, and MissingPackage without DuckDB."""
    with _opened(file) as relation:
        rows = relation.count("*").fetchall()[0][0]
        numbers: dict[str, Any] = _numbers(relation, layout.numbers)
        # As texts, for the message.
        numbers |= _texts(relation, _refused(relation, layout.numbers))
        texts = _texts(relation, layout.texts)
    yield Part(
        rows, lambda row, column: f"{file.name}, row {row + 1}, column '{column}'", numbers, texts
    )


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    try:
        import duckdb
    except ModuleNotFoundError:
        raise MissingPackage("duckdb", install="'infermeter[parquet]'") from None
    # It must not fetch anything.
    alone = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    try:
        with duckdb.connect(config={**alone}) as connection:
            # A path such as `year=2026/rows.parquet` is no column.
            yield connection.from_parquet(glob.escape(str(file)), hive_partitioning=False)
    except duckdb.Error as error:
        reason = str(error).replace(str(file), file.name)
        raise InvalidData(file.name, expected="Parquet", got=reason) from None


def _numbers(relation: Any, columns: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """NaN where one is missing, or is no number."""
    found = _fetched(relation, columns, "TRY_CAST({} AS DOUBLE)")
    return {name: np.ma.filled(values.astype(np.float64), np.nan) for name, values in found.items()}


def _texts(relation: Any, columns: Sequence[str]) -> dict[str, list[str]]:
    """Empty where one is missing."""
    found = _fetched(relation, columns, "COALESCE(CAST({} AS VARCHAR), '')")
    return {name: np.ma.filled(values, "").tolist() for name, values in found.items()}


def _refused(relation: Any, columns: Sequence[str]) -> list[str]:
    """The columns in which something stands that is no number."""
    if not columns:
        return []
    counts = ", ".join(
        f"count(*) FILTER (WHERE {_quoted(name)} IS NOT NULL "
        f"AND TRY_CAST({_quoted(name)} AS DOUBLE) IS NULL)"
        for name in columns
    )
    found = relation.aggregate(counts).fetchall()[0]
    return [name for name, count in zip(columns, found, strict=True) if count]


def _fetched(relation: Any, columns: Sequence[str], expression: str) -> dict[str, Any]:
    """Columns by name; those of a query are called by their numbers."""
    if not columns:
        return {}
    wanted = ", ".join(
        f"{expression.format(_quoted(name))} AS c{place}" for place, name in enumerate(columns)
    )
    found = relation.project(wanted).fetchnumpy()
    return {name: found[f"c{place}"] for place, name in enumerate(columns)}


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
