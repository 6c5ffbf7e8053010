"""CSV: a file for each tenant and hour, `exports/csv/<tenant>/<yyyy>/<mm>/<dd>/<hh>.csv`.

It holds the hour's sealed usage, which never changes: written again, it is the same bytes.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Protocol

from infermeter.errors import Unavailable
from infermeter.export.vendors import Delivery, Terms, Verdict
from infermeter.metering.hours import after, start_of
from infermeter.metering.measures import Quantities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infermeter.export.outbox import Row
    from infermeter.metering.seal import UsageStore

COLUMNS = ("hour", "tenant", "key", "model", "version", "unit", "price", *Quantities._fields)


class Files(Protocol):
    """Where files are put."""

    def __call__(self, key: str, content: bytes) -> None:
        """Writes a file, in the place of a former one. Raises StoreUnavailable."""
        ...


class CsvFiles:
    """The vendor of a `csv` target."""

    terms = Terms(batch=1, negatives=True, zeroes=True)

    def __init__(self, usage: UsageStore, files: Files) -> None:
        self._usage, self._files = usage, files

    def ready(self) -> None:
        """Always: nothing is to be had first."""

    def requests(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """The files, as text."""
        return [{"file": place_of(row), "content": self._content(row)} for row in rows]

    def deliver(self, rows: Sequence[Row]) -> list[Delivery]:
        """One file each."""
        return [self._deliver(row) for row in rows]

    def _deliver(self, row: Row) -> Delivery:
        try:
            self._files(place_of(row), self._content(row).encode())
        except Unavailable as error:
            return Delivery(row, Verdict.UNKNOWN, str(error))
        return Delivery(row, Verdict.COUNTED, place_of(row))

    def _content(self, row: Row) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for each in self._usage.rows(row.tenant, row.hour, after(row.hour)):
            writer.writerow((each.hour, each.tenant, *each.key, *each.quantities))
        return text.getvalue()


def place_of(row: Row) -> str:
    """Where the file of a row lies."""
    return f"exports/csv/{row.tenant}/{start_of(row.hour):%Y/%m/%d/%H}.csv"
