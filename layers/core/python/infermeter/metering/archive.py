"""The archive: the permanent ledger, written from the table's stream, batch by batch.

A batch that comes again is written again under the same name; one that comes split or in another
order leaves overlapping objects, which the fold tells apart by the entries' identities.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

import orjson

from infermeter.metering.documents import entry_document
from infermeter.metering.findings import Finding, FindingKind
from infermeter.metering.hours import hour_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from infermeter.metering.findings import FindingStore
    from infermeter.metering.ledger import LedgerEntry


class ChangeType(Enum):
    """What happened to an item of the ledger."""

    INSERTED = "INSERT"
    MODIFIED = "MODIFY"
    REMOVED = "REMOVE"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Change:
    """One record of the stream. `entry` is what was inserted, None where that is no entry; `place`
    is the item's key, `at` when it changed (epoch seconds)."""

    type: ChangeType
    sequence: str
    tenant: str
    place: str
    at: int
    entry: LedgerEntry | None = None


class Archive(Protocol):
    """Where lines of JSON lie, each one entry, by their hour of commit.

    Every method raises StoreUnavailable.
    """

    def write(self, hour: str, name: str, lines: Sequence[bytes]) -> None:
        """Keeps the lines under a name; the same name and lines change nothing."""
        ...

    def lines(self, hour: str) -> Iterator[bytes]:
        """Every line of an hour, in any order, repetitions included; held a few objects at a
        time."""
        ...


class Archiver:
    """Takes the stream's batches."""

    def __init__(self, archive: Archive, findings: FindingStore) -> None:
        self._archive, self._findings = archive, findings

    def keep(self, changes: Iterable[Change]) -> list[Finding]:
        """Archives what was inserted; what else was done to the ledger is found, and returned.

        Raises StoreUnavailable: the batch is to be delivered again.
        """
        inserted: dict[str, list[tuple[str, LedgerEntry]]] = {}
        found = []
        for change in sorted(changes, key=lambda change: int(change.sequence)):
            if change.type is ChangeType.INSERTED and change.entry is not None:
                hour = hour_of(change.entry.committed_ms)
                inserted.setdefault(hour, []).append((change.sequence, change.entry))
            elif change.type is not ChangeType.EXPIRED:
                found.append(_tampering(change))
        for hour, entries in inserted.items():
            name = f"{entries[0][0]}-{entries[-1][0]}"
            self._archive.write(hour, name, [line_of(entry) for _, entry in entries])
        for finding in found:
            self._findings.record(finding)
        return found


def line_of(entry: LedgerEntry) -> bytes:
    """An entry's line, without its end."""
    return orjson.dumps(entry_document(entry))


def _tampering(change: Change) -> Finding:
    details = {
        "change": change.type.value,
        "place": change.place,
        "sequence": change.sequence,
    }
    return Finding(FindingKind.MODIFIED, change.tenant, change.at, details)
