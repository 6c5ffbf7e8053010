"""CSV files, a part at a time."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from training.data.tables.cells import Part
from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.data.tables.layout import Layout

# Rows that are texts at one time.
PART_ROWS = 1 << 16


def csv_header(file: Path) -> tuple[str, list[str]]:
    """Its place, and the names in it."""
    with _opened(file) as reader:
        return f"{file.name}, line 1", next(reader, [])


def csv_parts(file: Path, layout: Layout) -> Iterator[Part]:
    """The rows below the header but for blank lines. Raises InvalidData with the line."""
    with _opened(file) as reader:
        header = next(reader)
        rows = ((reader.line_num, cells) for cells in reader if cells)  # type: ignore[attr-defined]
        while chunk := list(islice(rows, PART_ROWS)):
            yield _part(file.name, layout, header, chunk)


def _part(name: str, layout: Layout, header: list[str], chunk: list[tuple[int, list[str]]]) -> Part:
    for line, cells in chunk:
        if len(cells) != len(header):
            raise InvalidData(
                f"{name}, line {line}", expected=f"{len(header)} values", got=f"{len(cells)}"
            )
    columns = dict(zip(header, zip(*(cells for _, cells in chunk), strict=True), strict=True))
    return Part(
        len(chunk),
        lambda row, column: f"{name}, line {chunk[row][0]}, column '{column}'",
        {column: columns[column] for column in layout.numbers},
        {column: columns[column] for column in layout.texts},
    )


@contextmanager
def _opened(file: Path) -> Iterator[Iterator[list[str]]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        # Strict: a quote that is never closed would else swallow the rest of the file.
        reader = csv.reader(opened, strict=True)
        try:
            yield reader
        except UnicodeDecodeError as error:
            raise InvalidData(file.name, expected="CSV in UTF-8", got=str(error)) from None
        except csv.Error as error:
            where = f"{file.name}, line {reader.line_num}"
            raise InvalidData(where, expected="CSV in UTF-8", got=str(error)) from None
