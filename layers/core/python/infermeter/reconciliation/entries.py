"""The ledger's entries of all tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from infermeter.metering.ids import recorded_id
from infermeter.metering.ledger import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from infermeter.metering.ledger import LedgerEntry, LedgerReader


class Entries(Protocol):
    """What reconciliation reads of the ledger."""

    def charges(self, hour: str) -> Iterator[LedgerEntry]:
        """Every tenant's charges committed in an hour. Raises StoreUnavailable."""
        ...

    def charge(self, tenant: str, request_id: str) -> LedgerEntry | None:
        """The charge under an id. Raises StoreUnavailable."""
        ...


class LedgerEntries:
    """The `Entries` of a ledger, tenant by tenant."""

    def __init__(self, ledger: LedgerReader, tenants: Callable[[], Iterable[str]]) -> None:
        self._ledger, self._tenants = ledger, tenants

    def charges(self, hour: str) -> Iterator[LedgerEntry]:
        """One at a time: nothing is held."""
        for tenant in self._tenants():
            for entry in self._ledger.committed(tenant, hour):
                if entry.kind is Kind.CHARGE:
                    yield entry

    def charge(self, tenant: str, request_id: str) -> LedgerEntry | None:
        """By its key."""
        found = self._ledger.of_request(tenant, recorded_id(request_id))
        return next((entry for entry in found if entry.kind is Kind.CHARGE), None)
