"""The sealing job: hours that are over become final, tenant by tenant, in order.

Two folds that share nothing but the entries, one of the archive and one of the table, must agree on
an hour. Then its rows are written, and its seal last. A run that dies anywhere leaves what the next
one writes again.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infermeter.errors import Unavailable
from infermeter.metering.archive import line_of
from infermeter.metering.findings import Finding, FindingKind
from infermeter.metering.fold import HourFold, Tally, fold, fold_lines, identity_hash
from infermeter.metering.hours import HOUR_MS, after, bounds_of, hour_of
from infermeter.metering.seal import Seal

if TYPE_CHECKING:
    from collections.abc import Callable

    from infermeter.metering.archive import Archive
    from infermeter.metering.findings import FindingStore
    from infermeter.metering.fold import Summary
    from infermeter.metering.ledger import LedgerReader
    from infermeter.metering.seal import ManifestStore, UsageStore
    from infermeter.tenants.keys import KeyStore

# After its end, an hour waits this long for puts under way, the stream and the index.
SETTLED_MS = 20 * 60 * 1000
# An hour that is not sealed by then is a finding.
OVERDUE_MS = 2 * HOUR_MS
_REPAIRED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An hour whose two folds differ."""

    tenant: str
    hour: str
    archive: Summary
    table: Summary

    def document(self) -> dict[str, Any]:
        """As the report has it."""
        return {
            "tenant": self.tenant,
            "hour": self.hour,
            "archive": _document(self.archive),
            "table": _document(self.table),
        }


@dataclass(slots=True)
class SealingReport:
    """What a run did. `open` are tenants whose hours could be sealed by their age and are not, with
    the first of those hours; `failures` say why, where a store did not answer."""

    sealed: list[Seal] = field(default_factory=list)
    open: list[tuple[str, str]] = field(default_factory=list)
    disagreements: list[Disagreement] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "sealed": [
                {"tenant": seal.tenant, "hour": seal.hour, "entries": seal.summary.count}
                for seal in self.sealed
            ],
            "open": [{"tenant": tenant, "hour": hour} for tenant, hour in self.open],
            "disagreements": [each.document() for each in self.disagreements],
            "failures": self.failures,
        }


@dataclass(slots=True)
class _Front:
    """A tenant's next hour, and the watermark that was read or written last: the hours between
    them were empty. A `stuck` one waits for the next run."""

    tenant: str
    watermark: str
    next: str
    stuck: bool = False


class Sealing:
    """Seals hours; runs may overlap and die."""

    def __init__(
        self,
        *,
        keys: KeyStore,
        ledger: LedgerReader,
        archive: Archive,
        usage: UsageStore,
        manifests: ManifestStore,
        findings: FindingStore,
        clock: Callable[[], float],
    ) -> None:
        self._keys, self._ledger, self._archive = keys, ledger, archive
        self._usage, self._manifests, self._findings = usage, manifests, findings
        self._clock = clock

    def run(self, *, deadline: float = math.inf, until: str = "") -> SealingReport:
        """Seals what is old enough, up to and with the hour `until` where one is given.

        Nothing new is begun after `deadline` (epoch seconds). Raises StoreUnavailable when the
        tenants or the archive cannot be read; what fails of one tenant does not stop the others.
        """
        report = SealingReport()
        last = self._last_settled()
        last = min(last, until) if until else last
        fronts = self._fronts()
        known = {front.tenant for front in fronts}
        fronts = [front for front in fronts if front.next <= last]
        while fronts and self._clock() < deadline:
            hour = min(front.next for front in fronts)
            archived = fold_lines(hour, self._archive.lines(hour))
            for tenant in archived.keys() - known:
                self._find_stranger(tenant, hour)
            for front in fronts:
                if front.next == hour and self._clock() < deadline:
                    self._advance(front, archived.get(front.tenant), report)
            self._leave(fronts, last, report)
        for front in fronts:
            self._pass_over(front, report)
            report.open.append((front.tenant, front.next))
        return report

    def repair(self, hour: str) -> int:
        """Archives the entries of an hour that the table has and the archive lacks; how many.

        Only for what the stream lost (it keeps records for a day): after it, the hour's two folds
        are no longer independent.
        """
        kept = {
            tenant: folded.identities
            for tenant, folded in fold_lines(hour, self._archive.lines(hour)).items()
        }
        count = 0
        for record in self._keys.tenants():
            identities = kept.get(record.tenant, frozenset())
            lacking = [
                line_of(entry)
                for entry in self._ledger.committed(record.tenant, hour)
                if identity_hash(entry.identity) not in identities
            ]
            for first in range(0, len(lacking), _REPAIRED_AT_ONCE):
                lines = lacking[first : first + _REPAIRED_AT_ONCE]
                self._archive.write(hour, f"table-{record.tenant}-{first}", lines)
            count += len(lacking)
        return count

    def _last_settled(self) -> str:
        return after(hour_of(int(self._clock() * 1000) - SETTLED_MS), -1)

    def _fronts(self) -> list[_Front]:
        fronts = []
        for record in self._keys.tenants():
            watermark = self._usage.watermark(record.tenant)
            # Nothing is older than the tenant; the hour before allows for clocks that differ.
            first = watermark or after(hour_of(record.created_at * 1000), -1)
            fronts.append(_Front(record.tenant, watermark, first))
        return fronts

    def _leave(self, fronts: list[_Front], last: str, report: SealingReport) -> None:
        """Takes out those that are done, or stuck."""
        for front in [each for each in fronts if each.stuck or each.next > last]:
            fronts.remove(front)
            self._pass_over(front, report)
            if front.next <= last:
                report.open.append((front.tenant, front.next))

    def _advance(self, front: _Front, archived: HourFold | None, report: SealingReport) -> None:
        tenant, hour = front.tenant, front.next
        archived = archived or Tally(tenant, hour).folded()
        try:
            table = fold(tenant, hour, self._ledger.committed(tenant, hour))
            if table == archived:
                self._close(front, table, report)
                return
            summaries = (archived.summary, table.summary)
            report.disagreements.append(Disagreement(tenant, hour, *summaries))
        except Unavailable as error:
            report.failures.append(f"{tenant} {hour}: {error}")
        front.stuck = True
        with suppress(Unavailable):  # the next run finds it again
            self._find_overdue(tenant, hour)

    def _close(self, front: _Front, folded: HourFold, report: SealingReport) -> None:
        if not folded.summary.count:
            front.next = after(front.next)
            return
        if not self._pass_over(front, report):
            return
        tenant, hour = folded.tenant, folded.hour
        manifest = self._manifests.write(tenant, hour, folded.identities)
        seal = Seal(tenant, hour, folded.summary, int(self._clock()), manifest)
        if self._usage.seal(seal, folded.rows):
            report.sealed.append(seal)
            front.watermark = front.next = after(hour)
        else:
            front.stuck = True  # another run is at this tenant

    def _pass_over(self, front: _Front, report: SealingReport) -> bool:
        """Moves the watermark to the next hour: what the front went past was empty."""
        if front.watermark == front.next:
            return True
        try:
            moved = self._usage.pass_over(front.tenant, front.watermark, front.next)
        except Unavailable as error:
            report.failures.append(f"{front.tenant} {front.next}: {error}")
            moved = False
        if moved:
            front.watermark = front.next
        else:
            front.stuck = True
        return moved

    def _find_overdue(self, tenant: str, hour: str) -> None:
        _, end = bounds_of(hour)
        if self._clock() * 1000 >= end + OVERDUE_MS:
            self._findings.record(
                Finding(FindingKind.UNSEALED, tenant, end // 1000, {"hour": hour})
            )

    def _find_stranger(self, tenant: str, hour: str) -> None:
        """Entries of a tenant that nobody knows would never be billed."""
        _, end = bounds_of(hour)
        details = {"hour": hour, "reason": "the tenant is not in the control table"}
        self._findings.record(Finding(FindingKind.UNSEALED, tenant, end // 1000, details))


def _document(summary: Summary) -> dict[str, Any]:
    return {
        "entries": summary.count,
        "digest": f"{summary.digest:032x}",
        **summary.quantities._asdict(),
    }
