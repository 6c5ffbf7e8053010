"""The spool's consumer: entries that the ledger did not take in time are put again.

Each is put under a new commit time, so that none lands in an hour of the past. One that was applied
late, after all, is met like any other that stands under its id.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import orjson

from infermeter.errors import RequestIdRefused, Unavailable
from infermeter.metering.documents import parse_entry
from infermeter.metering.findings import Finding, FindingKind
from infermeter.metering.ledger import check_replay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from infermeter.metering.findings import FindingStore
    from infermeter.metering.ledger import Ledger, LedgerEntry


class SpooledMessage(NamedTuple):
    """A message of the spool's queue."""

    id: str
    body: str


class Fate(Enum):
    """What became of a spooled entry."""

    PUT = "put"
    STANDS = "stands"
    CONFLICT = "conflict"
    RETRY = "retry"
    MALFORMED = "malformed"


class Unspooled(NamedTuple):
    """One message's outcome; `error` says why, where it is neither put nor standing."""

    message: SpooledMessage
    fate: Fate
    entry: LedgerEntry | None = None
    error: Exception | None = None

    @property
    def again(self) -> bool:
        """Whether the queue must deliver it again. One that cannot be read may be of a newer
        version of the code; it comes again until it is read, or for 14 days, and the spool's
        alarm tells of it meanwhile."""
        return self.fate in (Fate.RETRY, Fate.MALFORMED)


class SpoolConsumer:
    """Puts what was spooled into the ledger."""

    def __init__(self, ledger: Ledger, findings: FindingStore, clock: Callable[[], float]) -> None:
        self._ledger, self._findings, self._clock = ledger, findings, clock

    def consume(self, messages: Iterable[SpooledMessage]) -> list[Unspooled]:
        """One outcome per message, in order; each fails alone."""
        return [self._take(message) for message in messages]

    def _take(self, message: SpooledMessage) -> Unspooled:
        try:
            spooled = parse_entry(orjson.loads(message.body))
        except ValueError as error:
            return Unspooled(message, Fate.MALFORMED, error=error)
        try:
            return self._put(message, spooled)
        except Unavailable as error:
            return Unspooled(message, Fate.RETRY, spooled, error)

    def _put(self, message: SpooledMessage, spooled: LedgerEntry) -> Unspooled:
        entry = replace(spooled, committed_ms=int(self._clock() * 1000))
        standing = self._ledger.put(entry)
        if standing is None:
            return Unspooled(message, Fate.PUT, entry)
        try:
            check_replay(spooled, standing)
        except RequestIdRefused as error:
            # It was answered while nobody could know what stands under its id: not charged.
            self._findings.record(_conflict(spooled))
            return Unspooled(message, Fate.CONFLICT, entry, error)
        return Unspooled(message, Fate.STANDS, standing)


def _conflict(spooled: LedgerEntry) -> Finding:
    details = {
        "request_id": spooled.request_id.text,
        "key_id": spooled.key_id,
        "payload_hash": spooled.payload_hash,
        "gateway_id": spooled.gateway_id,
    }
    at = spooled.committed_ms // 1000
    return Finding(FindingKind.CONFLICT, spooled.tenant, at, details)
