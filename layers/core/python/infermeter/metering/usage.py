"""Usage as a tenant sees it: sealed hours from their rows, open ones folded from the ledger now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from infermeter.errors import UnknownTenant
from infermeter.metering.fold import fold
from infermeter.metering.hours import hours
from infermeter.metering.measures import NOTHING, Quantities

if TYPE_CHECKING:
    from collections.abc import Callable

    from infermeter.metering.ledger import LedgerReader
    from infermeter.tenants.keys import KeyStore


@dataclass(frozen=True, slots=True)
class Used:
    """What one key used of one model version. `final` once the hours behind it are sealed."""

    tenant: str
    key_id: str
    model: str
    version: str
    unit: str
    requests: int
    units: int
    rows: int
    tokens: int
    bytes_in: int
    bytes_out: int
    milliseconds: int
    final: bool = False


class Usage:
    """Answers what a tenant used, from the ledger itself."""

    def __init__(self, ledger: LedgerReader, keys: KeyStore, clock: Callable[[], float]) -> None:
        self._ledger, self._keys, self._clock = ledger, keys, clock

    def rows(self, tenant: str, start: datetime | None = None) -> list[Used]:
        """Usage since `start` (the month's beginning, UTC) until now, by key, model and version.

        Raises UnknownTenant.
        """
        record = self._keys.tenant(tenant)
        if record is None:
            raise UnknownTenant(tenant)
        now = datetime.fromtimestamp(self._clock(), UTC)
        start = start or now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        # Nothing is older than the tenant; the hour before allows for clocks that differ.
        born = datetime.fromtimestamp(record.created_at, UTC) - timedelta(hours=1)
        sums: dict[tuple[str, str, str, str], Quantities] = {}
        for hour in hours(max(start, born), now + timedelta(hours=1)):
            for row in fold(tenant, hour, self._ledger.committed(tenant, hour)).rows:
                group = (row.key.key_id, row.key.model, row.key.version, row.key.unit)
                sums[group] = sums.get(group, NOTHING).plus(row.quantities)
        return [Used(tenant, *group, *sums[group]) for group in sorted(sums)]
