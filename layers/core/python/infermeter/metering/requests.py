"""One request's entries in the ledger, and what they come to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infermeter.errors import UnknownRequest
from infermeter.metering.adjustment import CARRIED_AGAIN
from infermeter.metering.hours import hour_of
from infermeter.metering.ids import MAX_CHARACTERS, recorded_id
from infermeter.metering.ledger import Kind

if TYPE_CHECKING:
    from infermeter.metering.ledger import LedgerEntry, LedgerReader
    from infermeter.metering.measures import Quantities
    from infermeter.metering.seal import UsageStore

# Ids may name times that no calendar here has, and in whose hour nothing can lie.
_YEAR_10000_MS = 253_402_300_800_000
_ACCEPTED = re.compile(rf"[!-~]{{1,{MAX_CHARACTERS}}}")


@dataclass(frozen=True, slots=True)
class ChargedRequest:
    """A charge with what concerns it, each kind by number.

    A carry accounts an entry in its own hour instead of the entry's, and adds nothing.
    `watermark` is the tenant's first hour that is not sealed.
    """

    charge: LedgerEntry
    adjustments: tuple[LedgerEntry, ...]
    carries: tuple[LedgerEntry, ...]
    watermark: str

    @property
    def net(self) -> Quantities:
        """What is billed."""
        total = self.charge.quantities
        for adjustment in self.adjustments:
            total = total.plus(adjustment.quantities)
        return total

    @property
    def final(self) -> bool:
        """Whether every hour that it is accounted in is sealed."""
        return all(self.sealed(entry) for entry in (self.charge, *self.adjustments))

    def sealed(self, entry: LedgerEntry) -> bool:
        """Whether the hour in which the charge, or an adjustment of it, is accounted is sealed."""
        return hour_of(self.accounted(entry).committed_ms) < self.watermark

    def accounted(self, entry: LedgerEntry) -> LedgerEntry:
        """The entry by which the charge, or an adjustment of it, is in the bill."""
        number = 0 if entry.kind is Kind.CHARGE else entry.number + 1
        standing = entry
        while found := next((each for each in self.carries if each.number == number), None):
            standing, number = found, number + CARRIED_AGAIN
        return standing


class Requests:
    """Finds a tenant's requests by their ids."""

    def __init__(self, ledger: LedgerReader, store: UsageStore) -> None:
        self._ledger, self._store = ledger, store

    def find(self, tenant: str, text: str) -> ChargedRequest:
        """The tenant's own request of this id; UnknownRequest if nothing was charged under it."""
        # What no request could have been accepted under would be too long a key to look up.
        if not _ACCEPTED.fullmatch(text):
            raise UnknownRequest(text)
        request_id = recorded_id(text)
        if request_id.time_ms is not None and request_id.time_ms >= _YEAR_10000_MS:
            raise UnknownRequest(text)
        watermark = self._store.watermark(tenant)
        entries = self._ledger.of_request(tenant, request_id)
        charges, adjustments, carries = (
            tuple(sorted((each for each in entries if each.kind is kind), key=_number))
            for kind in (Kind.CHARGE, Kind.ADJUSTMENT, Kind.CARRY)
        )
        if not charges:
            raise UnknownRequest(text)
        return ChargedRequest(charges[0], adjustments, carries, watermark)


def _number(entry: LedgerEntry) -> int:
    return entry.number
