"""The ledger: one entry per charged request, put once, never changed.

A put whose acknowledgement was lost meets its own entry on the retry; the nonce tells it from
another attempt's, and the payload hash tells a replay from an id used for something else. While
the ledger does not answer, entries wait in a spool, which is another failure domain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from blake3 import blake3

from infermeter.errors import LedgerUnavailable, RequestIdOutsideWindow, RequestIdReused
from infermeter.metering.ids import OPAQUE_WINDOW_S
from infermeter.metering.measures import Quantities

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from infermeter.metering.ids import Channel, RequestId
    from infermeter.metering.sharding import Sharding

# A put is not begun this long after its commit time; an hour is sealed long after.
ABANDONED_S = 60


class Billed(Enum):
    """Whether this answer was charged, an earlier one under the same id, or will be once spooled
    entries reach the ledger."""

    NEW = "new"
    REPLAY = "replay"
    PENDING = "pending"


class Kind(Enum):
    """What an entry is.

    A charge; an adjustment of one, in negative quantities; or a carry, which accounts a charge
    that was found only after its hour was sealed.
    """

    CHARGE = "chg"
    ADJUSTMENT = "adj"
    CARRY = "car"


@dataclass(slots=True)  # a frozen one takes over twice as long to make
class LedgerEntry:
    """One fact of the bill. `committed_ms` is when the attempt that put it did so, in epoch ms.

    `lease` is the budget's that it was taken from, `price` the plan and its version that it is
    priced by ("<plan>:<version>"; "" for none). `request_id` of an adjustment or a carry is that
    of the charge it concerns; `number` tells the adjustments of one charge apart, and the carries.
    `sharding` is no part of the fact: it tells the ledger where to put it, where that is known.
    """

    tenant: str
    request_id: RequestId
    key_id: str
    model: str
    version: str
    unit: str
    units: int
    rows: int
    bytes_in: int
    bytes_out: int
    milliseconds: int
    channel: Channel
    payload_hash: str
    nonce: str
    committed_ms: int
    gateway_id: str = ""
    tokens: int = 0
    lease: str = ""
    price: str = ""
    kind: Kind = Kind.CHARGE
    requests: int = 1
    number: int = 0
    reason: str = ""
    sharding: Sharding | None = field(default=None, compare=False, repr=False)

    @property
    def quantities(self) -> Quantities:
        """All that it counts."""
        return Quantities(
            self.requests,
            self.units,
            self.rows,
            self.tokens,
            self.bytes_in,
            self.bytes_out,
            self.milliseconds,
        )

    @property
    def identity(self) -> str:
        """What a tenant has once in the ledger. An id may be any text, so it comes last."""
        return f"{self.kind.value}#{self.number}#{self.request_id.text}"


class Commit(NamedTuple):
    """The outcome of a put: the entry that stands under the id, and whose it is."""

    billed: Billed
    entry: LedgerEntry


class Ledger(Protocol):
    """Where entries are put."""

    def put(self, entry: LedgerEntry) -> LedgerEntry | None:
        """Puts the entry if its identity is free: None; else the entry that stands there.

        Raises LedgerUnavailable when neither is known in time.
        """
        ...


class LedgerReader(Protocol):
    """Where entries are read; the functions that serve cannot."""

    def committed(self, tenant: str, hour: str) -> Iterable[LedgerEntry]:
        """The tenant's entries of all kinds committed in an hour (`yyyymmddhh`, UTC)."""
        ...

    def of_request(self, tenant: str, request_id: RequestId) -> Sequence[LedgerEntry]:
        """The charge under an id, and what concerns it: its adjustments, its carry."""
        ...


class Spool(Protocol):
    """Where entries wait for a ledger that did not answer."""

    def send(self, entry: LedgerEntry) -> None:
        """Keeps the entry until it is in the ledger. Raises SpoolUnavailable."""
        ...


def commit(ledger: Ledger, entry: LedgerEntry, spool: Spool | None = None) -> Commit:
    """Records the charge, or finds that it was recorded before.

    Raises RequestIdReused when the id stands for another payload, RequestIdOutsideWindow when an
    opaque id is too old to be replayed, LedgerUnavailable when neither ledger nor spool answers.
    """
    try:
        standing = ledger.put(entry)
    except LedgerUnavailable:
        if spool is None:
            raise
        spool.send(entry)
        return Commit(Billed.PENDING, entry)
    if standing is None or standing.nonce == entry.nonce:
        return Commit(Billed.NEW, entry)
    check_replay(entry, standing)
    return Commit(Billed.REPLAY, standing)


def check_replay(entry: LedgerEntry, standing: LedgerEntry) -> None:
    """Nothing, if `entry` repeats the charge that stands.

    Raises RequestIdReused when that is of another payload, RequestIdOutsideWindow when the id is
    opaque and it is too old.
    """
    if standing.payload_hash != entry.payload_hash:
        raise RequestIdReused(entry.request_id.text)
    age_s = (entry.committed_ms - standing.committed_ms) / 1000
    if entry.request_id.time_ms is None and age_s > OPAQUE_WINDOW_S:
        raise RequestIdOutsideWindow(
            f"request id '{entry.request_id.text}': expected one first used in the last "
            f"{OPAQUE_WINDOW_S // 3600} h, got one used {age_s / 3600:.0f} h ago; send a new id"
        )


def payload_hash(operation: str, model: str, version: str | None, *contents: bytes) -> str:
    """What makes two requests the same: what is asked, of what as it was named, with what.

    Neither the key nor the resolved version is part of it: a rotated key or a moved alias
    leaves a retry a retry. Hex of BLAKE3 over length-prefixed parts, cut to 128 bits: a caller
    must not find two bodies with one hash, and SHA-256 takes four times as long.
    """
    at = version or ""
    named = f"{len(operation)}:{operation};{len(model)}:{model};{len(at)}:{at};"
    digest = blake3(named.encode())
    for content in contents:
        digest.update(b"%d;" % len(content))
        digest.update(content)
    return digest.hexdigest(length=16)
