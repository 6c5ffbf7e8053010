"""In-memory stand-ins behind reconciliation's ports, and a job over them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infermeter.metering.adjustment import Adjustments
from infermeter.metering.archive import line_of
from infermeter.metering.hours import after, hour_of
from infermeter.metering.ids import Channel, recorded_id
from infermeter.metering.lateness import Lateness
from infermeter.metering.ledger import Billed, Kind, LedgerEntry
from infermeter.metering.sealing import Sealing
from infermeter.reconciliation.answers import Answer, Passage, mark
from infermeter.reconciliation.backlog import ExportBacklog
from infermeter.reconciliation.corrections import LedgerCorrections, NotingLedger
from infermeter.reconciliation.duplicates import Duplicates
from infermeter.reconciliation.entries import LedgerEntries
from infermeter.reconciliation.hourly import HourlyCheck
from infermeter.reconciliation.job import Parts, Reconciliation
from infermeter.reconciliation.standing import Depth, StandingChecks
from infermeter.reconciliation.undelivered import UndeliveredCharges
from infermeter.tenants.keys import TenantRecord
from tests.ports import NOW, Clock, MemoryLedger
from tests.ports_export import MemoryExports, MemoryOutbox
from tests.ports_metering import MemoryArchive, MemoryFindings, MemoryManifests, MemoryUsage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from infermeter.metering.findings import Finding, FindingKind
    from infermeter.reconciliation.evidence import Evidence, Waiting
    from infermeter.reconciliation.report import Report

HOUR_MS = 3_600_000
NOW_MS = int(NOW * 1000)
TENANT = "acme"


@dataclass
class MemoryAccessLog:
    """The `AccessLog` in a list; `reads` are the windows that were asked for."""

    lines: list[Answer] = field(default_factory=list)
    reads: list[tuple[int, int]] = field(default_factory=list)

    def answers(self, start_ms: int, end_ms: int) -> Iterator[Answer]:
        self.reads.append((start_ms, end_ms))
        return (line for line in self.lines if start_ms <= line.at_ms < end_ms)


@dataclass
class MemoryFunctionLog:
    """The `FunctionLog` in a list; `whole_reads` are those that wanted new charges, too."""

    lines: list[Passage] = field(default_factory=list)
    whole_reads: list[tuple[int, int]] = field(default_factory=list)

    def passages(self, start_ms: int, end_ms: int, *, new: bool = False) -> Iterator[Passage]:
        if new:
            self.whole_reads.append((start_ms, end_ms))
        return (
            line
            for line in self.lines
            if start_ms <= line.at_ms < end_ms and (new or line.billed is not Billed.NEW)
        )


@dataclass
class MemoryEvidence:
    """The `EvidenceStore` in dicts."""

    kept: dict[str, Evidence] = field(default_factory=dict)
    waits: dict[str, list[Waiting]] = field(default_factory=dict)
    reached: dict[str, str] = field(default_factory=dict)

    def keep(self, hour: str, evidence: Evidence) -> None:
        self.kept[hour] = evidence

    def of_hour(self, hour: str) -> Evidence | None:
        return self.kept.get(hour)

    def keep_waiting(self, hour: str, waiting: Sequence[Waiting]) -> None:
        self.waits[hour] = list(waiting)

    def waiting(self) -> list[Waiting]:
        return [each for hour in sorted(self.waits) for each in self.waits[hour]]

    def progress(self, task: str) -> str:
        return self.reached.get(task, "")

    def advance(self, task: str, reached: str) -> None:
        self.reached[task] = reached


EMPTY = Depth(0, None)


@dataclass
class MemorySpoolDepth:
    """What the `SpoolDepth` says."""

    now: Depth = EMPTY

    def depth(self) -> Depth:
        return self.now


@dataclass
class Tenants:
    """What sealing asks of the `KeyStore`."""

    listed: list[TenantRecord]

    def tenants(self) -> list[TenantRecord]:
        return self.listed


@dataclass
class Site:
    """A job over memory, and how requests leave their traces."""

    clock: Clock = field(default_factory=Clock)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    archive: MemoryArchive = field(default_factory=MemoryArchive)
    usage: MemoryUsage = field(default_factory=MemoryUsage)
    manifests: MemoryManifests = field(default_factory=MemoryManifests)
    findings: MemoryFindings = field(default_factory=MemoryFindings)
    evidence: MemoryEvidence = field(default_factory=MemoryEvidence)
    access: MemoryAccessLog = field(default_factory=MemoryAccessLog)
    function: MemoryFunctionLog = field(default_factory=MemoryFunctionLog)
    spool: MemorySpoolDepth = field(default_factory=MemorySpoolDepth)
    exports: MemoryExports = field(default_factory=MemoryExports)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    tenants: list[TenantRecord] = field(default_factory=lambda: [TenantRecord(TENANT, int(NOW))])
    charges: int = 0

    archived: set[tuple[str, str]] = field(default_factory=set)

    def stream(self) -> None:
        """The ledger's stream reaches the archive."""
        for place, entry in self.ledger.entries.items():
            if place not in self.archived:
                self.archived.add(place)
                name = f"batch-{len(self.archived)}"
                self.archive.write(hour_of(entry.committed_ms), name, [line_of(entry)])

    def seal(self) -> None:
        """All hours that can be."""
        self.stream()
        sealing = Sealing(
            keys=Tenants(self.tenants),
            ledger=self.ledger,
            archive=self.archive,
            usage=self.usage,
            manifests=self.manifests,
            findings=self.findings,
            clock=self.clock,
        )
        sealing.run()

    def charge(
        self, at_ms: int, *, name: str = "", gateway: str = "", **changes: Any
    ) -> LedgerEntry:
        """An entry in the ledger."""
        self.charges += 1
        entry = an_entry(name or f"request-{self.charges}", at_ms, gateway, **changes)
        self.ledger.put(entry)
        return entry

    def answer(self, gateway: str, status: int, at_ms: int) -> None:
        """The gateway's line."""
        self.access.lines.append(Answer(mark(gateway), status, at_ms))

    def tell(self, gateway: str, name: str, billed: Billed, at_ms: int) -> None:
        """The function's line."""
        self.function.lines.append(Passage(mark(gateway), TENANT, name, billed, at_ms))

    def run(self, hour: str | None = None, until: float = float("inf")) -> Report:
        """A run of a new process, after a sealing."""
        self.seal()
        return self.job().run(hour, until=until)

    def pass_hours(self, hours: int) -> list[Report]:
        """A run every hour."""
        reports = []
        for _ in range(hours):
            self.clock.now += 3600
            reports.append(self.run())
        return reports

    def job(self) -> Reconciliation:
        """As the wiring makes it."""

        def names() -> list[str]:
            return [tenant.tenant for tenant in self.tenants]

        noting = NotingLedger(self.ledger)
        adjustments = Adjustments(noting, self.ledger, self.clock)
        lateness = Lateness(
            ledger=self.ledger,
            archive=self.archive,
            usage=self.usage,
            manifests=self.manifests,
            adjustments=adjustments,
            findings=self.findings,
        )
        entries = LedgerEntries(self.ledger, names)
        backlog = ExportBacklog(self.exports, self.outbox, self.usage)
        parts = Parts(
            access=self.access,
            function=self.function,
            entries=entries,
            evidence=self.evidence,
            findings=self.findings,
            hourly=HourlyCheck(self.access, self.function, entries),
            undelivered=UndeliveredCharges(self.access, entries),
            duplicates=Duplicates(self.archive, entries),
            standing=StandingChecks(backlog, self.usage, lambda: self.tenants, self.findings),
            spool=self.spool,
            corrections=LedgerCorrections(noting, adjustments, lateness, names),
        )
        return Reconciliation(parts, self.clock)

    def of_kind(self, kind: FindingKind) -> list[Finding]:
        """What is stored."""
        return [finding for (name, _), finding in self.findings.found.items() if name == kind.value]

    def voids(self) -> dict[str, int]:
        """Voided units by request id."""
        entries = self.ledger.entries.values()
        return {e.request_id.text: e.units for e in entries if e.kind is Kind.ADJUSTMENT}


def an_entry(name: str, at_ms: int, gateway: str = "", **changes: Any) -> LedgerEntry:
    """A charge of five rows."""
    values: dict[str, Any] = {
        "tenant": TENANT,
        "key_id": "key",
        "model": "linear",
        "version": "1",
        "unit": "row",
        "units": 5,
        "rows": 5,
        "bytes_in": 10,
        "bytes_out": 20,
        "milliseconds": 3,
        "channel": Channel.HTTP,
        "payload_hash": "hash",
        "nonce": f"nonce of {name}",
        "gateway_id": gateway or f"gateway of {name}",
    }
    request_id = recorded_id(name)
    return LedgerEntry(request_id=request_id, committed_ms=at_ms, **(values | changes))


def hour_before(count: int, now: float = NOW) -> str:
    """An hour, counted back from the present one."""
    return after(hour_of(int(now * 1000)), -count)
