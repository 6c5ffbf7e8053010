"""Tables as CSV, RFC 4180: comma, CRLF, quotes where they are needed, a header row."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"
# A spreadsheet would compute what begins so; an apostrophe makes a text of it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """UTF-8. None is empty, booleans are true and false; text that a spreadsheet would take for a
    formula is quoted by an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
