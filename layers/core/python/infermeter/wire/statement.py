"""A statement as CSV; as JSON it is the document that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.billing.documents import statement_document
from infermeter.billing.rating import LineKind
from infermeter.metering.measures import Measure
from infermeter.wire.csv_table import csv_table

if TYPE_CHECKING:
    from infermeter.billing.rating import Line
    from infermeter.billing.statements import Statement

COLUMNS = (
    *("tenant", "month", "final", "kind", "price", "model", "measure", "start", "end"),
    *("quantity", "unit_price", "currency", "amount"),
)

_PLURALS = {Measure.BYTE_IN: "bytes in", Measure.BYTE_OUT: "bytes out"}


def statement_csv(statement: Statement) -> bytes:
    """A row for each line, then one of kind `total` for each currency."""
    document = statement_document(statement)
    month = {name: document[name] for name in ("tenant", "month", "final")}
    rows = [month | line for line in document["lines"]]
    rows += [month | {"kind": "total"} | total for total in document["totals"]]
    return csv_table(COLUMNS, ([row.get(column) for column in COLUMNS] for row in rows))


def line_text(line: Line) -> str:
    """What a line is for, in words."""
    if line.kind is LineKind.FEE:
        return f"Monthly fee, plan {line.price}"
    measure = _PLURALS.get(line.measure, f"{line.measure.value}s")
    if line.kind is LineKind.UNPRICED:
        return f"{line.model}: {measure} without a price"
    return f"{line.model}: {measure} {range_text(line)}"


def range_text(line: Line) -> str:
    """The places of the month's quantity that a line is for. What lies below the first was used
    before: more was given back than was used."""
    if line.end == 0:
        return "of earlier months"
    first = f"{line.start + 1:,}"
    return f"from {first}" if line.end is None else f"{first} to {line.end:,}"
