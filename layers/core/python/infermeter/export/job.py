"""The export job: plan what was sealed, send what is due, move the cursors."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from infermeter.errors import InfermeterError
from infermeter.export.outbox import RowState, cursor_of
from infermeter.export.planning import steps
from infermeter.export.vendors import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infermeter.export.configuration import Account, ExportStore, Meter, Target
    from infermeter.export.outbox import Outbox, Row
    from infermeter.export.vendors import Delivery, Vendor
    from infermeter.metering.seal import UsageStore

# What a request may take at the worst, with what is written after it.
REQUEST_S = 15.0


@dataclass(slots=True)
class TargetReport:
    """What a run did for one target, in rows. `left` were due and not reached in time."""

    target: str
    planned: int = 0
    acknowledged: int = 0
    deferred: int = 0
    unanswered: int = 0
    failed: int = 0
    left: int = 0
    errors: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


class ExportJob:
    """Exports sealed hours. Two that run at once share the rows out: a row is claimed first."""

    def __init__(
        self,
        store: ExportStore,
        outbox: Outbox,
        usage: UsageStore,
        vendors: Callable[[Target], Vendor],
        clock: Callable[[], float],
    ) -> None:
        self._store, self._outbox, self._usage = store, outbox, usage
        self._vendors, self._clock = vendors, clock

    def run(self, only: str | None = None, deadline: float | None = None) -> list[TargetReport]:
        """Exports to all targets, or to one; starts no request that may outlast the deadline.

        A target that fails is told of in its report, and keeps no other from its turn. Raises
        AdministrationRefused for a target that is not configured.
        """
        reports = []
        for target, meters, accounts in self._chosen(only):
            report = TargetReport(target.name)
            try:
                self._run(target, meters, accounts, report, deadline)
            except InfermeterError as error:
                report.errors.append(f"{type(error).__name__}: {error}")
            reports.append(report)
        return reports

    def preview(self, only: str | None = None) -> Iterator[dict[str, Any]]:
        """The requests that a run would make now; nothing is sent or written."""
        now = self._clock()
        for target, meters, accounts in self._chosen(only):
            vendor, due = self._vendors(target), []
            for account in accounts:
                progress = self._outbox.progress(target.name, account.tenant)
                if progress is not None:
                    rows = self._outbox.rows(target.name, account.tenant, progress.cursor)
                    due += [row for row in rows if row.due(now)]
                for step in steps(
                    target, account, meters, vendor.terms, progress, self._usage, now
                ):
                    due += step.rows
            for batch in _batches(due, vendor.terms.batch):
                for request in vendor.requests([row.claimed(int(now)) for row in batch]):
                    yield {"target": target.name, **request}

    def _chosen(
        self, only: str | None
    ) -> Iterator[tuple[Target, tuple[Meter, ...], list[Account]]]:
        configuration = self._store.configuration()
        targets = configuration.targets if only is None else (configuration.target(only),)
        everyone = self._store.accounts()
        for target in targets:
            accounts = [account for account in everyone if account.target == target.name]
            yield target, configuration.meters_of(target), accounts

    def _run(
        self,
        target: Target,
        meters: tuple[Meter, ...],
        accounts: list[Account],
        report: TargetReport,
        deadline: float | None,
    ) -> None:
        vendor, due = self._vendors(target), []
        for account in accounts:
            report.planned += self._plan(target, account, meters, vendor)
            due += self._due(target, account)
        if due:
            vendor.ready()
        for batch in _batches(due, vendor.terms.batch):
            if deadline is not None and self._clock() + REQUEST_S > deadline:
                report.left += len(batch)
                continue
            self._send(vendor, batch, report)
        for account in accounts:
            self._move_cursor(target, account)

    def _plan(
        self, target: Target, account: Account, meters: tuple[Meter, ...], vendor: Vendor
    ) -> int:
        planned, progress = 0, self._outbox.progress(target.name, account.tenant)
        for step in steps(
            target, account, meters, vendor.terms, progress, self._usage, self._clock()
        ):
            if not self._outbox.plan(target.name, account.tenant, step.progress, step.rows):
                # Another run is at it, or an answer of the store's was lost: the next run goes on
                # from what stands.
                break
            planned += len(step.rows)
        return planned

    def _due(self, target: Target, account: Account) -> list[Row]:
        progress = self._outbox.progress(target.name, account.tenant)
        if progress is None:
            return []
        rows = self._outbox.rows(target.name, account.tenant, progress.cursor)
        return [row for row in rows if row.due(self._clock())]

    def _send(self, vendor: Vendor, batch: list[Row], report: TargetReport) -> None:
        claims: dict[str, tuple[Row, Row]] = {}
        now = int(self._clock())
        for row in batch:
            if row.doubt and vendor.terms.forgotten(row.first_at, now):
                why = f"not known whether it was counted at the attempt that began {row.first_at}"
                self._outbox.change(row, replace(row, state=RowState.FAILED, error=why))
                report.failed += 1
                continue
            claimed = row.claimed(now)
            if self._outbox.change(row, claimed):
                claims[row.payload_id] = (row, claimed)
        if not claims:
            return
        for delivery in vendor.deliver([claimed for _, claimed in claims.values()]):
            before, claimed = claims[delivery.row.payload_id]
            self._outbox.change(claimed, _settled(before, claimed, delivery))
            _count(report, delivery.verdict)

    def _move_cursor(self, target: Target, account: Account) -> None:
        progress = self._outbox.progress(target.name, account.tenant)
        if progress is None:
            return
        rows = self._outbox.rows(target.name, account.tenant, progress.cursor)
        cursor = cursor_of(progress, rows)
        if cursor > progress.cursor:
            self._outbox.move_cursor(target.name, account.tenant, cursor)


def _settled(before: Row, claimed: Row, delivery: Delivery) -> Row:
    if delivery.verdict is Verdict.COUNTED:
        return replace(
            claimed, state=RowState.ACKNOWLEDGED, doubt=False, error="", receipt=delivery.note
        )
    if delivery.verdict is Verdict.UNKNOWN:
        return replace(claimed, error=delivery.note)
    # Nothing was counted this time; whether it was before is as open as it was.
    state = RowState.FAILED if delivery.verdict is Verdict.REFUSED else RowState.PENDING
    return replace(claimed, state=state, doubt=before.doubt, error=delivery.note)


def _count(report: TargetReport, verdict: Verdict) -> None:
    if verdict is Verdict.COUNTED:
        report.acknowledged += 1
    elif verdict is Verdict.UNKNOWN:
        report.unanswered += 1
    elif verdict is Verdict.REFUSED:
        report.failed += 1
    else:
        report.deferred += 1


def _batches(rows: list[Row], size: int) -> Iterator[list[Row]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
