"""What a run puts to the ledger, noted as it is put."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from infermeter.metering.ledger import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from infermeter.metering.adjustment import Adjustments
    from infermeter.metering.lateness import Lateness
    from infermeter.metering.ledger import Ledger, LedgerEntry

REASON = "no answer was delivered"


class NotingLedger:
    """A `Ledger` that remembers what was put through it, and was not there before."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.made: list[LedgerEntry] = []

    def put(self, entry: LedgerEntry) -> LedgerEntry | None:
        """As the ledger's."""
        standing = self._ledger.put(entry)
        if standing is None:
            self.made.append(entry)
        return standing


class Corrections(Protocol):
    """What makes the bill right; each once, however often it is asked for."""

    def void(self, entry: LedgerEntry) -> None:
        """Takes back a charge. Raises LedgerUnavailable."""
        ...

    def carry(self, hour: str) -> Sequence[LedgerEntry]:
        """The entries that the hour was sealed without, each accounted now if it was not before.
        Raises Unavailable."""
        ...

    def taken(self) -> tuple[list[LedgerEntry], list[LedgerEntry]]:
        """The adjustments and the carries that were put since this was last asked."""
        ...


class LedgerCorrections:
    """The `Corrections` over adjustments and lateness that put through one noting ledger."""

    def __init__(
        self,
        ledger: NotingLedger,
        adjustments: Adjustments,
        lateness: Lateness,
        tenants: Callable[[], Iterable[str]],
    ) -> None:
        self._ledger, self._adjustments = ledger, adjustments
        self._lateness, self._tenants = lateness, tenants

    def void(self, entry: LedgerEntry) -> None:
        """All that is left of it."""
        self._adjustments.void(entry.tenant, entry.request_id, reason=REASON)

    def carry(self, hour: str) -> list[LedgerEntry]:
        """Of all tenants whose hour is sealed."""
        return self._lateness.carry(hour, self._tenants())

    def taken(self) -> tuple[list[LedgerEntry], list[LedgerEntry]]:
        """By their kinds."""
        made, self._ledger.made = self._ledger.made, []
        voids = [entry for entry in made if entry.kind is Kind.ADJUSTMENT]
        return voids, [entry for entry in made if entry.kind is Kind.CARRY]
