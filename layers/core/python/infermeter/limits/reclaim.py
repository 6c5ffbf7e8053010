"""Giving back what environments left that are gone.

A lease that was not given back lies in the partition of the minute in which it expired. Once no
put under it can be under way (its expiry, the longest that a function may run, and twice what
clocks may differ by), the ledger tells what was charged under it, and the rest is free. An
entry that is still spooled is in no ledger, so nothing is reclaimed while the spool holds any, nor
for some minutes after: what has just left it may not be in the ledger's index yet. Each lease is
given back by one transaction that deletes its row: a second one changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from infermeter.limits.leases import SKEW_S, Ended
from infermeter.limits.leasing import SEPARATOR
from infermeter.metering.hours import hours
from infermeter.metering.ledger import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from infermeter.limits.leases import Lease, Refused
    from infermeter.metering.ledger import LedgerReader

# One run's reading is bounded.
_MOST_MINUTES = 24 * 60
# Longer than from one run to the next: the spool was found empty at least once before.
QUIET = timedelta(minutes=7)


class LeaseTable(Protocol):
    """Where the leases that are out can be found. All raise StoreUnavailable."""

    def reclaimed_until(self) -> datetime | None:
        """The minute up to which all was reclaimed; None before the first time."""
        ...

    def mark_reclaimed(self, until: datetime) -> None:
        """Remembers it."""
        ...

    def waited_at(self) -> datetime | None:
        """When entries were last seen in the spool; None if they never were."""
        ...

    def mark_waiting(self, at: datetime) -> None:
        """Remembers it."""
        ...

    def expired_in(self, minute: datetime) -> Iterable[Lease]:
        """Leases that expired in a minute, and were not given back."""
        ...

    def give_back(self, ended: Sequence[Ended]) -> Refused | None:
        """As `BudgetTable`'s."""
        ...


class Reclaimed(NamedTuple):
    """How many leases were given back by a run. `waiting`: none, as entries are spooled, or were
    a moment ago."""

    leases: int
    waiting: bool = False


class Reclaimer:
    """To be run every few minutes. `timeout_s` is the longest that a serving function may run;
    `spooled` says whether any entry waits in the spool."""

    def __init__(
        self,
        table: LeaseTable,
        ledger: LedgerReader,
        spooled: Callable[[], bool],
        clock: Callable[[], float],
        timeout_s: float = 900.0,
    ) -> None:
        self._table, self._ledger, self._spooled = table, ledger, spooled
        self._clock, self._grace_s = clock, timeout_s + 2 * SKEW_S

    def run(self) -> Reclaimed:
        """Reclaims what is due. Whatever stops it, the next run goes on. Raises StoreUnavailable.

        Leases of one tenant are reclaimed by one reading of its ledger's hours.
        """
        now = datetime.fromtimestamp(self._clock(), UTC)
        end = (now - timedelta(seconds=self._grace_s)).replace(second=0, microsecond=0)
        start = self._table.reclaimed_until()
        if start is None:
            # The job is as old as the first lease, and none that old is due.
            self._table.mark_reclaimed(end)
            return Reclaimed(0)
        if self._spooled():
            self._table.mark_waiting(now)
            return Reclaimed(0, waiting=True)
        waited_at = self._table.waited_at()
        if waited_at is not None and now - waited_at < QUIET:
            return Reclaimed(0, waiting=True)
        end = min(end, start + timedelta(minutes=_MOST_MINUTES))
        due: defaultdict[str, list[Lease]] = defaultdict(list)
        for lease in self._due(start, end):
            due[lease.tenant].append(lease)
        count = sum(self._reclaim(tenant, leases, now) for tenant, leases in due.items())
        if start < end:
            self._table.mark_reclaimed(end)
        return Reclaimed(count)

    def _due(self, start: datetime, end: datetime) -> Iterable[Lease]:
        minute = start
        while minute < end:
            yield from self._table.expired_in(minute)
            minute += timedelta(minutes=1)

    def _reclaim(self, tenant: str, leases: Sequence[Lease], now: datetime) -> int:
        spent = {lease.id: 0 for lease in leases}
        measures = {lease.id: lease.account.measure for lease in leases}
        first = min(lease.started_ms for lease in leases)
        begins = datetime.fromtimestamp(first / 1000, UTC)
        # An entry that was spooled has the time at which it left the spool, by that clock.
        for hour in hours(begins, now + timedelta(seconds=2 * SKEW_S)):
            for entry in self._ledger.committed(tenant, hour):
                # A carry repeats a charge; an adjustment is settled in the statement alone.
                if entry.kind is not Kind.CHARGE or not entry.lease:
                    continue
                for name in entry.lease.split(SEPARATOR):
                    if name in spent:
                        spent[name] += entry.quantities.of(measures[name])
        return sum(
            self._table.give_back([Ended(lease, spent[lease.id])]) is None for lease in leases
        )
