"""Closing the books: a month's statement is kept once all its hours are sealed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infermeter.billing.statements import books_end, first_month, month_text
from infermeter.errors import InfermeterError
from infermeter.metering.hours import after, hour_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infermeter.billing.statements import Statement, StatementArchive, Statements
    from infermeter.metering.seal import UsageStore
    from infermeter.tenants.keys import KeyStore, TenantRecord


@dataclass(slots=True)
class ClosingReport:
    """What a run did: the statements that it kept, and for which tenants it could not and why."""

    kept: list[Statement] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        kept = [{"tenant": each.tenant, "month": month_text(each.month)} for each in self.kept]
        return {"kept": kept, "failures": self.failures}


class Closing:
    """Looks for months that are over, after hours were sealed.

    What a run leaves undone the next one does. A tenant whose months are all kept is remembered,
    so that nothing is read for it until its next month is over.
    """

    def __init__(
        self,
        statements: Statements,
        archive: StatementArchive,
        store: UsageStore,
        keys: KeyStore,
        clock: Callable[[], float],
    ) -> None:
        self._statements, self._archive, self._store = statements, archive, store
        self._keys, self._clock = keys, clock
        self._closed: dict[str, str] = {}

    def run(self, deadline: float) -> ClosingReport:
        """Keeps what is final. Nothing new is begun after `deadline` (epoch seconds).

        What fails of one tenant does not stop the others; StoreUnavailable when the tenants cannot
        be read.
        """
        report = ClosingReport()
        now = hour_of(int(self._clock() * 1000))
        for record in self._keys.tenants():
            due = next(_months_over(record, now), "")
            if self._clock() >= deadline or due <= self._closed.get(record.tenant, ""):
                continue
            try:
                self._close(record, due, report)
            except InfermeterError as error:
                report.failures.append(f"{record.tenant}: {type(error).__name__}: {error}")
        return report

    def _close(self, record: TenantRecord, due: str, report: ClosingReport) -> None:
        watermark, kept = self._store.watermark(record.tenant), self._archive.months(record.tenant)
        for month in reversed([*_months_over(record, watermark)]):
            if month not in kept:
                statement = self._statements.made(record, month)
                if self._archive.keep(statement):
                    report.kept.append(statement)
        if books_end(record, due) <= watermark:
            self._closed[record.tenant] = due


def _months_over(record: TenantRecord, hour: str) -> Iterator[str]:
    """The months whose books end by that hour, the latest first, down to the tenant's first."""
    month, first = hour[:6], first_month(record)
    while first <= month:
        if books_end(record, month) <= hour:
            yield month
        month = after(f"{month}0100", -1)[:6]
