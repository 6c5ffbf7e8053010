"""The ledger: one entry per charged request, put once, never changed.

A put whose acknowledgement was lost meets its own entry on the retry; the nonce tells it from
another attempt's, and the payload hash tells a replay from an id used for something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from blake3 import blake3

from infermeter.errors import RequestIdOutsideWindow, RequestIdReused
from infermeter.metering.ids import OPAQUE_WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infermeter.metering.ids import Channel, RequestId


class Billed(Enum):
    """Whether this answer was charged, or an earlier one under the same id."""

    NEW = "new"
    REPLAY = "replay"


@dataclass(slots=True)  # a frozen one takes over twice as long to make
class LedgerEntry:
    """One charge. `committed_ms` is when the attempt that put it did so, in epoch milliseconds."""

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


class Commit(NamedTuple):
    """The outcome of a put: the entry that stands under the id, and whose it is."""

    billed: Billed
    entry: LedgerEntry


class Ledger(Protocol):
    """Where entries are kept."""

    def put(self, entry: LedgerEntry) -> LedgerEntry | None:
        """Puts the entry if its id is free: None; else the entry that stands there.

        Raises LedgerUnavailable when neither is known in time.
        """
        ...

    def committed(self, tenant: str, hour: str) -> Iterable[LedgerEntry]:
        """The tenant's entries committed in an hour (`yyyymmddhh`, UTC), in any order."""
        ...


def commit(ledger: Ledger, entry: LedgerEntry) -> Commit:
    """Records the charge, or finds that it was recorded before.

    Raises RequestIdReused when the id stands for another payload, RequestIdOutsideWindow when an
    opaque id is too old to be replayed, LedgerUnavailable when the ledger does not answer.
    """
    standing = ledger.put(entry)
    if standing is None or standing.nonce == entry.nonce:
        return Commit(Billed.NEW, entry)
    if standing.payload_hash != entry.payload_hash:
        raise RequestIdReused(entry.request_id.text)
    age_s = (entry.committed_ms - standing.committed_ms) / 1000
    if entry.request_id.time_ms is None and age_s > OPAQUE_WINDOW_S:
        raise RequestIdOutsideWindow(
            f"request id '{entry.request_id.text}': expected one first used in the last "
            f"{OPAQUE_WINDOW_S // 3600} h, got one used {age_s / 3600:.0f} h ago; send a new id"
        )
    return Commit(Billed.REPLAY, standing)


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
