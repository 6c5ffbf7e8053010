"""The fold: usage of an hour from the ledger's entries, whatever their order or repetition."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from infermeter.metering.hours import hour_of
from infermeter.metering.measures import NOTHING, Quantities

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infermeter.metering.ledger import LedgerEntry


class UsageKey(NamedTuple):
    """What one usage row is for. `price` is the plan and its version, "" for none."""

    key_id: str
    model: str
    version: str
    unit: str
    price: str


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What one key used of one model version in one hour (of commit) under one price."""

    tenant: str
    hour: str
    key: UsageKey
    quantities: Quantities


@dataclass(frozen=True, slots=True)
class Summary:
    """An hour of a tenant in few numbers: two folds that agree on it saw the same entries.

    `count` is of entries of all kinds; `digest` the XOR of 128 bits of each identity's SHA-256.
    """

    count: int = 0
    digest: int = 0
    quantities: Quantities = NOTHING


@dataclass(frozen=True, slots=True)
class HourFold:
    """A tenant's hour, folded. `rows` are sorted by key; `identities` are the entries' hashes,
    16 bytes each."""

    tenant: str
    hour: str
    rows: tuple[UsageRow, ...]
    summary: Summary
    identities: frozenset[bytes]


def identity_hash(entry: LedgerEntry) -> bytes:
    """16 bytes that stand for the entry within its tenant."""
    return sha256(entry.identity.encode()).digest()[:16]


def fold(tenant: str, hour: str, entries: Iterable[LedgerEntry]) -> HourFold:
    """The tenant's entries of that hour of commit; others are left out, repetitions count once."""
    seen: set[bytes] = set()
    groups: dict[UsageKey, Quantities] = {}
    digest = 0
    for entry in entries:
        if entry.tenant != tenant or hour_of(entry.committed_ms) != hour:
            continue
        identity = identity_hash(entry)
        if identity in seen:
            continue
        seen.add(identity)
        digest ^= int.from_bytes(identity)
        key = UsageKey(entry.key_id, entry.model, entry.version, entry.unit, entry.price)
        groups[key] = groups.get(key, NOTHING).plus(entry.quantities)
    rows = tuple(UsageRow(tenant, hour, key, groups[key]) for key in sorted(groups))
    total = NOTHING
    for row in rows:
        total = total.plus(row.quantities)
    return HourFold(tenant, hour, rows, Summary(len(seen), digest, total), frozenset(seen))
