"""The limits table in memory, and what fills its ports."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infermeter.errors import StoreUnavailable
from infermeter.limits.leases import Refused, Totals
from infermeter.limits.rate import Arrival

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from infermeter.limits.leases import Account, Ended, Lease
    from infermeter.metering.ledger import LedgerEntry


@dataclass
class MemoryRates:
    """The `RateTable` in a dict; `writes` counts them, refused ones too."""

    tats: dict[str, int] = field(default_factory=dict)
    writes: int = 0
    answers: bool = True

    def begin(self, subject: str, *, now_us: int, tat_us: int, stale_us: int) -> Arrival:
        self._write()
        standing = self.tats.get(subject, 0)
        if now_us < standing <= stale_us:
            return Arrival(taken=False, tat_us=standing)
        self.tats[subject] = tat_us
        return Arrival(taken=True, tat_us=tat_us)

    def extend(self, subject: str, *, now_us: int, by_us: int, at_most_us: int) -> Arrival:
        self._write()
        standing = self.tats.get(subject, 0)
        if not now_us < standing <= at_most_us:
            return Arrival(taken=False, tat_us=standing)
        self.tats[subject] = standing + by_us
        return Arrival(taken=True, tat_us=standing + by_us)

    def _write(self) -> None:
        self.writes += 1
        if not self.answers:
            raise StoreUnavailable("limits table")


@dataclass
class MemoryBudgets:
    """The `BudgetTable` and the `LeaseTable` in dicts."""

    leased: defaultdict[Account, int] = field(default_factory=lambda: defaultdict(int))
    settled: defaultdict[Account, int] = field(default_factory=lambda: defaultdict(int))
    leases: dict[str, Lease] = field(default_factory=dict)
    until: datetime | None = None
    waited: datetime | None = None
    reads: int = 0
    taken: list[Lease] = field(default_factory=list)
    answers: bool = True

    def totals(self, account: Account) -> Totals:
        self.reads += 1
        if not self.answers:
            raise StoreUnavailable("limits table")
        return Totals(self.leased[account], self.settled[account])

    def take(self, lease: Lease, ceiling: int, ended: Sequence[Ended]) -> Refused | None:
        if lease.id in self.leases:
            return None
        gone = self._gone(ended)
        left = sum(e.lease.size - e.spent for e in ended if e.lease.account == lease.account)
        full = self.leased[lease.account] - left + lease.size > ceiling
        if full or gone:
            return Refused(full, gone)
        self._remove(ended)
        self.leased[lease.account] += lease.size
        self.leases[lease.id] = lease
        self.taken.append(lease)
        return None

    def give_back(self, ended: Sequence[Ended]) -> Refused | None:
        gone = self._gone(ended)
        if gone:
            return Refused(False, gone)
        self._remove(ended)
        return None

    def reclaimed_until(self) -> datetime | None:
        return self.until

    def mark_reclaimed(self, until: datetime) -> None:
        self.until = until

    def waited_at(self) -> datetime | None:
        return self.waited

    def mark_waiting(self, at: datetime) -> None:
        self.waited = at

    def expired_in(self, minute: datetime) -> Iterable[Lease]:
        number = int(minute.timestamp()) // 60
        return [each for each in self.leases.values() if each.expires_ms // 60_000 == number]

    def _gone(self, ended: Sequence[Ended]) -> frozenset[str]:
        return frozenset(e.lease.id for e in ended if e.lease.id not in self.leases)

    def _remove(self, ended: Sequence[Ended]) -> None:
        for each in ended:
            del self.leases[each.lease.id]
            self.leased[each.lease.account] -= each.lease.size - each.spent
            self.settled[each.lease.account] += each.spent


@dataclass
class HourlyLedger:
    """The `LedgerReader` over a list; `read` names the hours that were."""

    entries: list[LedgerEntry] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    def committed(self, tenant: str, hour: str) -> list[LedgerEntry]:
        from infermeter.metering.hours import hour_of

        self.read.append(hour)
        return [
            each
            for each in self.entries
            if each.tenant == tenant and hour_of(each.committed_ms) == hour
        ]

    def of_request(self, tenant: str, request_id: object) -> list[LedgerEntry]:
        return [e for e in self.entries if (e.tenant, e.request_id) == (tenant, request_id)]
