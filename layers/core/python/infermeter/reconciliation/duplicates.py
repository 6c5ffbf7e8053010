"""Requests that are charged more than once, as far as the archive shows.

The ledger holds one item under an identity and a key, so a second charge needs another key for the
same id, or an item that went before its time (which the archive finds, too). Within an hour all
are compared. Of what was committed in another hour than its id's, the id's own hour in the archive
is looked at, and the item that stands in the ledger. For all of the 35 days at once, ask Athena
for the ids in the archive that have more than one nonce: nothing in memory can hold that many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from infermeter.metering.findings import Finding, FindingKind
from infermeter.metering.hours import hour_of
from infermeter.metering.ids import recorded_id
from infermeter.metering.ledger import Kind
from infermeter.reconciliation.answers import mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infermeter.metering.archive import Archive
    from infermeter.reconciliation.entries import Entries

# A client may send old ids only, and each costs a read or more: then a sample is looked up.
MOST_LOOKUPS = 1000
MOST_HOURS = 26


@dataclass(slots=True)
class _Elsewhere:
    """Charges committed in another hour than their id's."""

    by_hour: dict[str, dict[bytes, bytes]] = field(default_factory=dict)
    attempts: dict[tuple[str, str], bytes] = field(default_factory=dict)


class Duplicates:
    """Looks for second charges, hour by hour."""

    def __init__(self, archive: Archive, entries: Entries) -> None:
        self._archive, self._entries = archive, entries

    def of_hour(self, hour: str) -> Iterator[Finding]:
        """What of an hour is charged twice. Raises StoreUnavailable."""
        elsewhere = _Elsewhere()
        found: dict[bytes, Finding] = {}
        attempts: dict[bytes, bytes] = {}
        for charge in self._charges(hour):
            key, attempt = _key(charge), _attempt(charge)
            if attempts.setdefault(key, attempt) != attempt:
                found.setdefault(key, _finding(charge))
            own_hour = _hour_of_id(charge["id"])
            if own_hour != hour and len(elsewhere.attempts) < MOST_LOOKUPS:
                elsewhere.attempts[charge["tenant"], charge["id"]] = attempt
                if own_hour is not None:
                    elsewhere.by_hour.setdefault(own_hour, {})[key] = attempt
        del attempts
        for own_hour in sorted(elsewhere.by_hour, reverse=True)[:MOST_HOURS]:
            wanted = elsewhere.by_hour[own_hour]
            for charge in self._charges(own_hour):
                key = _key(charge)
                if wanted.get(key, _attempt(charge)) != _attempt(charge):
                    found.setdefault(key, _finding(charge))
        for (tenant, request_id), attempt in elsewhere.attempts.items():
            entry = self._entries.charge(tenant, request_id)
            if entry is not None and mark(entry.nonce, str(entry.committed_ms)) != attempt:
                facts = {"tenant": tenant, "id": request_id, "committed_ms": entry.committed_ms}
                found.setdefault(mark(tenant, request_id), _finding(facts))
        yield from found.values()

    def _charges(self, hour: str) -> Iterator[dict[str, Any]]:
        for line in self._archive.lines(hour):
            entry = orjson.loads(line)
            if entry["kind"] == Kind.CHARGE.value:
                yield entry


def _key(charge: dict[str, Any]) -> bytes:
    return mark(charge["tenant"], charge["id"])


def _attempt(charge: dict[str, Any]) -> bytes:
    return mark(charge["nonce"], str(charge["committed_ms"]))


def _hour_of_id(text: str) -> str | None:
    time_ms = recorded_id(text).time_ms
    return None if time_ms is None else hour_of(time_ms)


def _finding(charge: dict[str, Any]) -> Finding:
    at = charge["committed_ms"] // 1000
    return Finding(FindingKind.DUPLICATE, charge["tenant"], at, {"request_id": charge["id"]})
