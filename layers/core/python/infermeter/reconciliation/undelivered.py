"""Charges that no answer was delivered for: their caller got nothing, and pays nothing.

A charge stands if any attempt under its request id was answered 2xx by the gateway, before or
after any failure: a caller that hangs up on a 2xx was answered, and if a failed retry undid the
charge, whoever wants service for nothing would see to it that one fails. It falls only when it is
shown that none was: the log has the gateway's other answer to its attempt, every replay of it is
in the log too, and no 2xx of those hours remains unexplained, as that may have been a replay. What
cannot be shown is found as incomplete, and left to the operator.

A charge through the queue is put after its result is stored: there is nothing to undo.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from infermeter.metering.hours import hour_of
from infermeter.metering.ids import Channel
from infermeter.reconciliation.answers import mark
from infermeter.reconciliation.hourly import Answered, answered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infermeter.metering.ledger import LedgerEntry
    from infermeter.reconciliation.answers import AccessLog
    from infermeter.reconciliation.entries import Entries
    from infermeter.reconciliation.evidence import Evidence
    from infermeter.reconciliation.recent import Recent


class Fate(Enum):
    """What is known of a charge's answers."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    UNKNOWN = "unknown"
    TOO_EARLY = "too early"


class UndeliveredCharges:
    """Judges charges that can be replayed no longer."""

    def __init__(self, access: AccessLog, entries: Entries) -> None:
        self._access, self._entries = access, entries

    def of_window(
        self, start: int, end: int, evidence: Evidence, recent: Recent
    ) -> Iterator[tuple[LedgerEntry, Fate]]:
        """The charges by HTTP committed from `start` up to, and without, `end`, both in one hour
        and in epoch ms, that were not shown to be delivered.

        `evidence` is of all hours in which they may have been answered, up to those that `recent`
        looks into. Raises StoreUnavailable.
        """
        answers = answered(self._access, start, end)
        for entry in self._entries.charges(hour_of(start)):
            if entry.channel is Channel.HTTP and start <= entry.committed_ms < end:
                fate = _fate(entry, answers, evidence, recent)
                if fate is not Fate.DELIVERED:
                    yield entry, fate


def _fate(entry: LedgerEntry, answers: Answered, evidence: Evidence, recent: Recent) -> Fate:
    own, key = mark(entry.gateway_id), mark(entry.tenant, entry.request_id.text)
    if own in answers.delivered or key in evidence.served:
        return Fate.DELIVERED
    # Read for those few that are not known to be delivered.
    lately = recent.evidence
    if key in lately.served:
        return Fate.DELIVERED
    if key in lately.unlogged:
        return Fate.TOO_EARLY  # its line in the gateway's log may be on its way
    refused = own in answers.failed or key in evidence.refused
    if not refused or key in evidence.unlogged or evidence.unexplained:
        return Fate.UNKNOWN
    return Fate.UNDELIVERED
