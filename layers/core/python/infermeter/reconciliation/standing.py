"""What should not last: a spool or an outbox that is not emptied, hours that are not sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from infermeter.metering.findings import Finding, FindingKind
from infermeter.metering.hours import after, bounds_of, hour_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from infermeter.metering.findings import FindingStore
    from infermeter.metering.seal import UsageStore
    from infermeter.reconciliation.backlog import ExportBacklog
    from infermeter.tenants.keys import TenantRecord

SPOOL_AGE_S = 15 * 60
OUTBOX_AGE_S = 6 * 3600
UNSEALED_AGE_S = 2 * 3600
# What others find is told again for a day.
TOLD_S = 24 * 3600


class Depth(NamedTuple):
    """How many entries wait, those that are being worked on among them, and since when the oldest
    of those that were seen (epoch seconds; None if none was)."""

    waiting: int
    oldest_at: int | None


class SpoolDepth(Protocol):
    """How deep the spool is."""

    def depth(self) -> Depth:
        """Now. Raises StoreUnavailable."""
        ...


class StandingChecks:
    """Looks at the state of things now."""

    def __init__(
        self,
        exports: ExportBacklog,
        usage: UsageStore,
        tenants: Callable[[], Iterable[TenantRecord]],
        findings: FindingStore,
    ) -> None:
        self._exports, self._usage = exports, usage
        self._tenants, self._findings = tenants, findings

    def check(self, now: float, depth: Depth) -> Iterator[Finding]:
        """All that is wrong now. Raises StoreUnavailable."""
        oldest = depth.oldest_at
        if oldest is not None and now - oldest > SPOOL_AGE_S:
            yield Finding(FindingKind.SPOOL_AGE, "", oldest, {"count": depth.waiting})
        export = self._exports.oldest_pending()
        if export is not None and now - export.at > OUTBOX_AGE_S:
            details = {"target": export.target, "hour": export.hour}
            yield Finding(FindingKind.OUTBOX_AGE, export.tenant, export.at, details)
        for tenant in self._tenants():
            # As the sealing job counts: the hour before allows for clocks that differ.
            first = after(hour_of(tenant.created_at * 1000), -1)
            hour = self._usage.watermark(tenant.tenant) or first
            end = bounds_of(hour)[1] // 1000
            if end + UNSEALED_AGE_S < now:
                yield Finding(FindingKind.UNSEALED, tenant.tenant, end, {"hour": hour})

    def told(self, now: float) -> Iterator[Finding]:
        """What others found in the last day, and stored: items that were changed, ids with two
        charges, entries of tenants that nobody knows."""
        day = (int(now) - TOLD_S, int(now) + 1)
        for kind in (FindingKind.MODIFIED, FindingKind.CONFLICT):
            yield from self._findings.of_kind(kind, *day)
        known = {tenant.tenant for tenant in self._tenants()}
        for finding in self._findings.of_kind(FindingKind.UNSEALED, *day):
            if finding.tenant not in known:
                yield finding
