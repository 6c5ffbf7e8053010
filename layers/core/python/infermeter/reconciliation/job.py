"""The job: checks what is due, voids what was not delivered, carries what came late.

Run again, it finds the same and does nothing twice: findings, voids and carries have identities of
their own, and its progress only says where to go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from infermeter.metering.findings import Finding, FindingKind
from infermeter.metering.hours import after, bounds_of, hour_of
from infermeter.reconciliation.evidence import Evidence
from infermeter.reconciliation.hourly import unrecorded
from infermeter.reconciliation.recent import Recent
from infermeter.reconciliation.report import Report
from infermeter.reconciliation.undelivered import Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from infermeter.metering.findings import FindingStore
    from infermeter.metering.ledger import LedgerEntry
    from infermeter.reconciliation.answers import AccessLog, FunctionLog
    from infermeter.reconciliation.corrections import Corrections
    from infermeter.reconciliation.duplicates import Duplicates
    from infermeter.reconciliation.entries import Entries
    from infermeter.reconciliation.evidence import EvidenceStore
    from infermeter.reconciliation.hourly import HourlyCheck
    from infermeter.reconciliation.standing import SpoolDepth, StandingChecks
    from infermeter.reconciliation.undelivered import UndeliveredCharges

HOUR_MS = 3_600_000
# The gateway's log comes late: the hour before last is checked.
LOGS_MS = HOUR_MS
# A request can be replayed for a day after its charge; its last answer's line comes in minutes.
VOID_AFTER_MS = 24 * HOUR_MS + 10 * 60_000
# An id may be five minutes ahead of our clock, and a spooled charge was answered before it was put.
_REPLAYED_FOR, _SPOOLED_FOR, _LATE_AGAIN = 26, 24, 24
EXAMINED, VOIDED = "examined", "voided"


class Parts(NamedTuple):
    """What the job stands on."""

    access: AccessLog
    function: FunctionLog
    entries: Entries
    evidence: EvidenceStore
    findings: FindingStore
    hourly: HourlyCheck
    undelivered: UndeliveredCharges
    duplicates: Duplicates
    standing: StandingChecks
    spool: SpoolDepth
    corrections: Corrections


class Reconciliation:
    """One run after the other; never two at a time for the same hours, or some work is wasted."""

    def __init__(self, parts: Parts, clock: Callable[[], float]) -> None:
        self._parts, self._clock = parts, clock

    def run(self, hour: str | None = None, *, until: float = float("inf")) -> Report:
        """What is due, or one hour anew. No further hour is begun after `until` (epoch seconds).

        Raises StoreUnavailable: what was done stands, and the next run goes on.
        """
        return _Run(self._parts, self._clock(), self._clock, until).run(hour)


class _Run:
    """One run, as of `now`."""

    def __init__(self, parts: Parts, now: float, clock: Callable[[], float], until: float) -> None:
        self._parts, self._clock, self._until = parts, clock, until
        self._now, self._now_ms = now, int(now * 1000)
        self._depth = parts.spool.depth()
        self._report = Report()
        # All hours before it are over, and their logs have come.
        self._young = hour_of(self._now_ms - LOGS_MS)
        self._recent = Recent(parts.access, parts.function, bounds_of(self._young)[0], self._now_ms)
        self._known: dict[str, Evidence] = {}

    def run(self, hour: str | None) -> Report:
        report, parts = self._report, self._parts
        self._find(parts.standing.check(self._now, self._depth))
        for finding in parts.standing.told(self._now):
            report.find(finding)
        self._settle_waiting()
        if hour is not None:
            self._examine(hour)
            start, end = bounds_of(hour)
            self._void(start, min(end, self._now_ms - VOID_AFTER_MS))
        elif self._examine_due():
            self._void_due()
        report.voided, report.carried = parts.corrections.taken()
        return report

    def _find(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self._report.find(finding, self._parts.findings)

    def _settle_waiting(self) -> None:
        waiting = self._parts.evidence.waiting()
        for hour in {each.hour for each in waiting}:
            still = []
            for each in (each for each in waiting if each.hour == hour):
                if self._parts.entries.charge(each.tenant, each.request_id) is not None:
                    continue
                if self._depth.waiting:
                    still.append(each)
                else:
                    at = bounds_of(hour)[0] // 1000
                    self._find([unrecorded(each.tenant, each.request_id, at)])
            self._parts.evidence.keep_waiting(hour, still)

    def _examine_due(self) -> bool:
        """Whether all hours that are due were examined, before time ran out."""
        store = self._parts.evidence
        # A new deployment looks back for as long as a charge can be replayed.
        hour = store.progress(EXAMINED) or after(self._young, -_REPLAYED_FOR)
        while hour < self._young:
            if self._clock() >= self._until:
                self._report.complete = False
                return False
            self._examine(hour)
            hour = after(hour)
            store.advance(EXAMINED, hour)
        return True

    def _examine(self, hour: str) -> None:
        if hour >= self._young:
            return
        check = self._parts.hourly.check(hour, spool_empty=not self._depth.waiting)
        self._find(check.findings)
        self._find(self._parts.duplicates.of_hour(hour))
        # Once more a day later: it may have been open, or what is late came late.
        again = after(hour, -_LATE_AGAIN)
        for each in (hour,) if again in self._report.hours else (hour, again):
            for entry in self._parts.corrections.carry(each):
                self._report.find(_late(entry))
        self._parts.evidence.keep_waiting(hour, check.waiting)
        self._parts.evidence.keep(hour, check.evidence)
        self._known[hour] = check.evidence
        self._report.hours.append(hour)

    def _void_due(self) -> None:
        store, cutoff = self._parts.evidence, self._now_ms - VOID_AFTER_MS
        start = int(store.progress(VOIDED) or bounds_of(after(self._young, -_REPLAYED_FOR))[0])
        while start < cutoff:
            if self._clock() >= self._until:
                self._report.complete = False
                return
            end = min(bounds_of(hour_of(start))[1], cutoff)
            reached = self._void(start, end)
            store.advance(VOIDED, str(reached))
            if reached < end:
                return
            start = end

    def _void(self, start: int, end: int) -> int:
        """Judges the charges of a window within one hour; up to where it is done with them."""
        reached = end
        if end <= start:
            return reached
        evidence = self._evidence_around(hour_of(start))
        for entry, fate in self._parts.undelivered.of_window(start, end, evidence, self._recent):
            if fate is Fate.TOO_EARLY:
                reached = min(reached, entry.committed_ms)
                continue
            if fate is Fate.UNKNOWN:
                self._find([_incomplete(entry)])
                continue
            self._find([_undelivered(entry)])
            self._parts.corrections.void(entry)
        return reached

    def _evidence_around(self, hour: str) -> Evidence:
        """Of the hours in which charges of this one may have been answered."""
        found = Evidence()
        for count in range(-_SPOOLED_FOR, _REPLAYED_FOR + 1):
            each = after(hour, count)
            if each >= self._young:
                break
            if each not in self._known:
                kept = self._parts.evidence.of_hour(each)
                if kept is None and count < 0:
                    continue  # before this deployment's first run
                if kept is None:
                    self._examine(each)
                else:
                    self._known[each] = kept
            known = self._known[each]
            # What was answered before it was charged cannot be its replay.
            found = found.plus(known if count >= 0 else _of_spooled(known))
        return found


def _of_spooled(evidence: Evidence) -> Evidence:
    return Evidence(evidence.served, evidence.refused, evidence.unlogged)


def _undelivered(entry: LedgerEntry) -> Finding:
    return _of_entry(FindingKind.UNDELIVERED, entry, {"units": entry.units})


def _incomplete(entry: LedgerEntry) -> Finding:
    return _of_entry(FindingKind.INCOMPLETE, entry, {"gateway_id": entry.gateway_id})


def _late(entry: LedgerEntry) -> Finding:
    """As `Lateness` has stored it."""
    details = {"identity": entry.identity, "hour": hour_of(entry.committed_ms)}
    return Finding(FindingKind.LATE, entry.tenant, entry.committed_ms // 1000, details)


def _of_entry(kind: FindingKind, entry: LedgerEntry, more: dict[str, str | int]) -> Finding:
    details = {"request_id": entry.request_id.text, **more}
    return Finding(kind, entry.tenant, entry.committed_ms // 1000, details)
