"""What should not last: a spool or an outbox that is not emptied, hours that are not sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from infermeter.metering.findings import Finding, FindingKind
from infermeter.metering.hours import after, hour_of, start_of

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
FOUND_BY_OTHERS = (FindingKind.MODIFIED, FindingKind.CONFLICT)


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
            hour = self._usage.watermark(tenant.tenant) or hour_of(tenant.created_at * 1000)
            due = int(start_of(after(hour)).timestamp()) + UNSEALED_AGE_S
            if due < now:
                yield Finding(FindingKind.UNSEALED, tenant.tenant, due, {"hour": hour})

    def told(self, now: float) -> Iterator[Finding]:
        """What the archive and the spool's consumer found in the last day; it is stored already."""
        for kind in FOUND_BY_OTHERS:
            yield from self._findings.of_kind(kind, int(now) - TOLD_S, int(now) + 1)
