"""An hour's answers against the ledger: every delivered 2xx belongs to an entry.

An entry accounts for the attempt that it names. A 2xx that no entry names is a replay's or a
pending charge's, if the function's log says so, and then the entry of that request must exist. At
1,000,000 requests an hour the sets of marks take 130 MB (measured), and CloudWatch, which gives
1 MB a call and five calls a second, a minute and a half.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from infermeter.metering.findings import Finding, FindingKind
from infermeter.metering.hours import after, bounds_of
from infermeter.metering.ledger import Billed
from infermeter.reconciliation.answers import SLACK_MS, mark
from infermeter.reconciliation.evidence import Evidence, Waiting, weigh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infermeter.reconciliation.answers import AccessLog, FunctionLog, Passage
    from infermeter.reconciliation.entries import Entries


class Answered(NamedTuple):
    """The gateway's ids of a window, by whether they were answered 2xx."""

    delivered: set[bytes]
    failed: set[bytes]


class HourCheck(NamedTuple):
    """What an hour's logs say, and what they say against the ledger."""

    evidence: Evidence
    findings: list[Finding]
    waiting: list[Waiting]


def answered(log: AccessLog, start: int, end: int) -> Answered:
    """The answers of a window, and of the minute before and after it."""
    found = Answered(set(), set())
    for answer in log.answers(start - SLACK_MS, end + SLACK_MS):
        (found.delivered if answer.delivered else found.failed).add(answer.gateway)
    return found


class HourlyCheck:
    """Checks hours that are over, and whose logs have come."""

    def __init__(self, access: AccessLog, function: FunctionLog, entries: Entries) -> None:
        self._access, self._function, self._entries = access, function, entries

    def check(self, hour: str, *, spool_empty: bool) -> HourCheck:
        """A pending charge is waited for while there is anything in the spool.

        Raises StoreUnavailable.
        """
        start, end = bounds_of(hour)
        unclaimed, near = self._answers(start, end)
        told = list(self._function.passages(start, end + SLACK_MS))
        evidence = weigh((each for each in told if each.at_ms < end), *near)
        del near
        missing = {each.key: each for each in told if each.gateway in unclaimed}
        unclaimed.difference_update(each.gateway for each in told)
        self._claim(hour, unclaimed, missing)
        self._explain_last_minute(end, unclaimed)
        # The log's line of an attempt is lost, or its entry: only now is all of it read.
        for neighbour in (after(hour), after(hour, -1)):
            if unclaimed:
                self._claim(neighbour, unclaimed, {})
        lost = list(self._without_entry(start, end, unclaimed))
        findings = [_unrecorded(each) for each in lost]
        waiting = []
        for passage in missing.values():
            if self._entries.charge(passage.tenant, passage.request_id) is not None:
                continue
            if passage.billed is Billed.PENDING and not spool_empty:
                waiting.append(Waiting(hour, passage.tenant, passage.request_id))
            else:
                findings.append(_unrecorded(passage))
        findings += [_unexplained(gateway, start) for gateway in sorted(unclaimed)]
        # They were answered: a later charge under their ids stands.
        served = evidence.served.union(each.key for each in lost)
        evidence = replace(evidence, served=served, unexplained=len(unclaimed))
        return HourCheck(evidence, findings, waiting)

    def _answers(self, start: int, end: int) -> tuple[set[bytes], Answered]:
        """The hour's 2xx, and all answers of the hour and the minutes around it."""
        own, near = set[bytes](), Answered(set(), set())
        for answer in self._access.answers(start - SLACK_MS, end + SLACK_MS):
            (near.delivered if answer.delivered else near.failed).add(answer.gateway)
            if answer.delivered and start <= answer.at_ms < end:
                own.add(answer.gateway)
        return own, near

    def _claim(self, hour: str, unclaimed: set[bytes], missing: dict[bytes, Passage]) -> None:
        for entry in self._entries.charges(hour):
            unclaimed.discard(mark(entry.gateway_id))
            if missing:
                missing.pop(mark(entry.tenant, entry.request_id.text), None)

    def _explain_last_minute(self, end: int, unclaimed: set[bytes]) -> None:
        """A request that came in the hour's last seconds is committed in the next."""
        if not unclaimed:
            return
        for passage in self._function.passages(end - SLACK_MS, end + SLACK_MS, new=True):
            if passage.gateway in unclaimed and self._names(passage):
                unclaimed.discard(passage.gateway)

    def _without_entry(self, start: int, end: int, unclaimed: set[bytes]) -> Iterator[Passage]:
        """Charges that the function told of, and that the ledger has not."""
        if not unclaimed:
            return
        for passage in self._function.passages(start, end + SLACK_MS, new=True):
            if passage.gateway in unclaimed:
                unclaimed.discard(passage.gateway)
                yield passage

    def _names(self, passage: Passage) -> bool:
        entry = self._entries.charge(passage.tenant, passage.request_id)
        return entry is not None and mark(entry.gateway_id) == passage.gateway


def unrecorded(tenant: str, request_id: str, at: int) -> Finding:
    """A delivered 2xx whose request has no entry; `at` in epoch seconds."""
    return Finding(FindingKind.UNRECORDED, tenant, at, {"request_id": request_id})


def _unrecorded(passage: Passage) -> Finding:
    return unrecorded(passage.tenant, passage.request_id, passage.at_ms // 1000)


def _unexplained(gateway: bytes, start: int) -> Finding:
    details = {"gateway_sha256": gateway.hex(), "why": "neither an entry nor a log line names it"}
    return Finding(FindingKind.UNRECORDED, "", start // 1000, details)
