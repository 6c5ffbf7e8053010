"""Usage: a fold of the ledger. Folding again changes nothing, whatever the order of entries."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from infermeter.errors import UnknownTenant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from infermeter.metering.ledger import Ledger, LedgerEntry
    from infermeter.tenants.keys import KeyStore

HOUR_FORMAT = "%Y%m%d%H"
_Group = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What one key used of one model version. `final` once the hours behind it are sealed."""

    tenant: str
    key_id: str
    model: str
    version: str
    unit: str
    requests: int
    units: int
    rows: int
    bytes_in: int
    bytes_out: int
    milliseconds: int
    final: bool = False


class Usage:
    """Answers what a tenant used, from the ledger itself."""

    def __init__(self, ledger: Ledger, keys: KeyStore, clock: Callable[[], float]) -> None:
        self._ledger, self._keys, self._clock = ledger, keys, clock

    def rows(self, tenant: str, start: datetime | None = None) -> list[UsageRow]:
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
        entries = (
            entry
            for hour in hours(max(start, born), now + timedelta(hours=1))
            for entry in self._ledger.committed(tenant, hour)
            if entry.committed_ms >= start.timestamp() * 1000
        )
        return fold(entries)


def fold(entries: Iterable[LedgerEntry]) -> list[UsageRow]:
    """Sums by key, model, version and unit, sorted; an entry seen twice counts once."""
    distinct = {(entry.tenant, entry.request_id.text): entry for entry in entries}
    groups: defaultdict[_Group, list[LedgerEntry]] = defaultdict(list)
    for entry in distinct.values():
        groups[entry.tenant, entry.key_id, entry.model, entry.version, entry.unit].append(entry)
    return [_sum(group, members) for group, members in sorted(groups.items())]


def _sum(group: _Group, entries: list[LedgerEntry]) -> UsageRow:
    tenant, key_id, model, version, unit = group
    return UsageRow(
        tenant=tenant,
        key_id=key_id,
        model=model,
        version=version,
        unit=unit,
        requests=len(entries),
        units=sum(entry.units for entry in entries),
        rows=sum(entry.rows for entry in entries),
        bytes_in=sum(entry.bytes_in for entry in entries),
        bytes_out=sum(entry.bytes_out for entry in entries),
        milliseconds=sum(entry.milliseconds for entry in entries),
    )


def hour_of(time_ms: int) -> str:
    """The UTC hour of an epoch time in milliseconds, as `yyyymmddhh`."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime(HOUR_FORMAT)


def hours(start: datetime, end: datetime) -> Iterator[str]:
    """Every UTC hour that lies, in part at least, between two times."""
    hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour <= end:
        yield hour.strftime(HOUR_FORMAT)
        hour += timedelta(hours=1)
