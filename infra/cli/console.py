"""What commands print: results on standard output, progress on standard error."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import JustifyMethod

# Whoever reads a pipe has no screen that ends.
_PIPED_WIDTH = 10_000

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPED_WIDTH)
progress = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(document: object) -> None:
    """One JSON document on one line, for scripts."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table; numbers stand to the right. What others named is printed as it is: no markup, and
    nothing is cut off."""
    rows = [list(row) for row in rows]
    table = Table(title=Text(title), title_justify="left")
    for index, column in enumerate(columns):
        numbers = all(isinstance(row[index], int | float) for row in rows)
        justify: JustifyMethod = "right" if numbers and rows else "left"
        table.add_column(column, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    out.print(table)


def _cell(value: Any) -> Text:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return Text(f"{value:,}" if whole else str(value))


def note(line: str) -> None:
    """A line of progress."""
    progress.print(f"  {line}", markup=False, style="dim")


@contextmanager
def step(title: str) -> Iterator[None]:
    """A step with its time, once it has succeeded."""
    progress.print(f"[bold]{title}[/bold]")
    started = time.perf_counter()
    yield
    progress.print(f"  [green]done[/green] in {time.perf_counter() - started:.1f} s")
