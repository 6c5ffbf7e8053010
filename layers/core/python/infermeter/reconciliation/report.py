"""What a run found and did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infermeter.metering.findings import FindingKind

if TYPE_CHECKING:
    from infermeter.metering.findings import Finding, FindingStore
    from infermeter.metering.ledger import LedgerEntry

# When everything is wrong, a hundred of a kind tell as much as a million; all are counted.
MOST = 100
MOST_ACTS = 1000


@dataclass(slots=True)
class Report:
    """A run's findings. Of a kind, the first hundred are listed and stored; `counts` has all."""

    findings: list[Finding] = field(default_factory=list)
    counts: Counter[FindingKind] = field(default_factory=Counter)
    hours: list[str] = field(default_factory=list)
    voided: list[LedgerEntry] = field(default_factory=list)
    carried: list[LedgerEntry] = field(default_factory=list)
    complete: bool = True

    def find(self, finding: Finding, store: FindingStore | None = None) -> None:
        """Takes a finding in, and stores it where it is not stored already."""
        self.counts[finding.kind] += 1
        if self.counts[finding.kind] <= MOST:
            self.findings.append(finding)
            if store is not None:
                store.record(finding)

    def document(self) -> dict[str, Any]:
        """Plain values. `complete` says whether all that was due was done in this run's time."""
        return {
            "hour": self.hours[-1] if self.hours else "",
            "hours": self.hours,
            "complete": self.complete,
            "findings": [finding_document(finding) for finding in self.findings],
            "counts": {kind.value: self.counts[kind] for kind in FindingKind},
            "voided": [_act(entry) for entry in self.voided[:MOST_ACTS]],
            "carried": [_act(entry) for entry in self.carried[:MOST_ACTS]],
        }


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding in plain values."""
    return {
        "kind": finding.kind.value,
        "tenant": finding.tenant,
        "at": finding.at,
        "details": dict(finding.details),
    }


def _act(entry: LedgerEntry) -> dict[str, Any]:
    return {"tenant": entry.tenant, "id": entry.request_id.text, "units": entry.units}
