"""How benchmarks print: a table for people, one JSON document per row for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, note: str = ""
) -> None:
    """A table; all columns but the first stand to the right."""
    table = Table(title=title, title_justify="left", caption=note, caption_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=not index)
    for row in rows:
        table.add_row(*map(str, row))
    width = None if sys.stdout.isatty() else 140
    Console(highlight=False, markup=False, width=width).print(table)


def print_rows(rows: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line."""
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")


def microseconds(value: float | None) -> str:
    """With as many digits as mean something."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
