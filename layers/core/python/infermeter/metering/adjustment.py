"""Adjustments and carries: corrections of the bill, as entries of their own.

A charge's adjustments are numbered from 0 without a gap. Two at once want the same number and one
of them has it, so what is left of a charge is never taken twice.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from infermeter.errors import AdministrationRefused, InvalidRequest, UnknownRequest
from infermeter.metering.ids import LEDGER_TTL_S
from infermeter.metering.ledger import Kind
from infermeter.metering.measures import NOTHING, Quantities

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infermeter.metering.ids import RequestId
    from infermeter.metering.ledger import Ledger, LedgerEntry, LedgerReader

MAX_REASON_CHARACTERS = 200
# A charge's carry has number 0, that of its adjustment n has n + 1, and a carry that was late
# itself is carried under a number that none of those reaches.
CARRIED_AGAIN = 1 << 20


class Adjustments:
    """Puts corrections into the ledger; they count in the hour in which they are made."""

    def __init__(self, ledger: Ledger, reader: LedgerReader, clock: Callable[[], float]) -> None:
        self._ledger, self._reader, self._clock = ledger, reader, clock

    def adjust(
        self,
        tenant: str,
        request_id: RequestId,
        quantities: Quantities,
        *,
        number: int,
        reason: str,
    ) -> LedgerEntry:
        """Takes `quantities` (not negative) off a charge. The same call again changes nothing.

        `number` is how many adjustments the charge had before. Raises UnknownRequest,
        AdministrationRefused when more would be taken than is left or the number is another's,
        LedgerUnavailable.
        """
        charge, standing = self._charge(tenant, request_id)
        if 0 <= number < len(standing):
            return _same(standing[number], quantities)
        if number != len(standing):
            raise AdministrationRefused(
                f"adjustment of '{request_id.text}': expected number {len(standing)}, "
                f"the next one, got {number}"
            )
        left = _left(charge, standing)
        if quantities == NOTHING or min(*quantities, *left.minus(quantities)) < 0:
            raise AdministrationRefused(
                f"adjustment of '{request_id.text}': expected some of what is left, "
                f"{_shown(left)}, got {_shown(quantities)}"
            )
        entry = self._adjustment(charge, quantities, number, reason)
        return _same(self._ledger.put(entry) or entry, quantities)

    def void(self, tenant: str, request_id: RequestId, *, reason: str) -> LedgerEntry:
        """Takes off a charge all that is left of it; of one that has nothing left, the adjustment
        that took the last.

        Raises UnknownRequest, LedgerUnavailable.
        """
        while True:
            charge, standing = self._charge(tenant, request_id)
            left = _left(charge, standing)
            if left == NOTHING:
                return standing[-1]
            entry = self._adjustment(charge, left, len(standing), reason)
            found = self._ledger.put(entry)
            if found is None:
                return entry
            # Another adjustment had the number: what is left is less now.

    def carry(self, entry: LedgerEntry) -> bool:
        """Accounts now an entry that its own hour was sealed without; whether this was the first
        time. Raises LedgerUnavailable.

        Not one that the ledger has forgotten and the archive has not: its carry may be as old, and
        forgotten too.
        """
        if self._clock() - entry.committed_ms / 1000 >= LEDGER_TTL_S:
            return False
        number = {Kind.CHARGE: 0, Kind.ADJUSTMENT: 1, Kind.CARRY: CARRIED_AGAIN}[entry.kind]
        carried = replace(
            entry,
            kind=Kind.CARRY,
            number=number + entry.number,
            nonce=os.urandom(8).hex(),
            committed_ms=self._now_ms(),
            lease="",
            reason="late",
        )
        return self._ledger.put(carried) is None

    def _charge(
        self, tenant: str, request_id: RequestId
    ) -> tuple[LedgerEntry, Sequence[LedgerEntry]]:
        entries = self._reader.of_request(tenant, request_id)
        charge = next((each for each in entries if each.kind is Kind.CHARGE), None)
        if charge is None:
            raise UnknownRequest(request_id.text)
        standing = [each for each in entries if each.kind is Kind.ADJUSTMENT]
        return charge, sorted(standing, key=lambda each: each.number)

    def _adjustment(
        self, charge: LedgerEntry, quantities: Quantities, number: int, reason: str
    ) -> LedgerEntry:
        if not 0 < len(reason) <= MAX_REASON_CHARACTERS:
            raise InvalidRequest(
                f"reason: expected 1 to {MAX_REASON_CHARACTERS} characters, got {len(reason)}"
            )
        return replace(
            charge,
            **NOTHING.minus(quantities)._asdict(),
            kind=Kind.ADJUSTMENT,
            number=number,
            nonce=os.urandom(8).hex(),
            committed_ms=self._now_ms(),
            lease="",
            reason=reason,
        )

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _left(charge: LedgerEntry, adjustments: Sequence[LedgerEntry]) -> Quantities:
    left = charge.quantities
    for each in adjustments:
        left = left.plus(each.quantities)
    return left


def _same(standing: LedgerEntry, quantities: Quantities) -> LedgerEntry:
    if standing.quantities != NOTHING.minus(quantities):
        raise AdministrationRefused(
            f"adjustment {standing.number} of '{standing.request_id.text}': expected a number that "
            f"is free, got that of another one, of {_shown(standing.quantities)}"
        )
    return standing


def _shown(quantities: Quantities) -> str:
    some = [f"{count} {name}" for name, count in quantities._asdict().items() if count]
    return ", ".join(some) or "nothing"
