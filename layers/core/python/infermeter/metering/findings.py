"""Findings: facts that should not be. An empty list of them is what reconciliation is for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class FindingKind(Enum):
    """What was found. Each kind has an alarm of its own."""

    DUPLICATE = "duplicate"
    MODIFIED = "modified"
    SPOOL_AGE = "spool-age"
    OUTBOX_AGE = "outbox-age"
    UNRECORDED = "unrecorded"
    UNDELIVERED = "undelivered"
    LATE = "late"
    UNSEALED = "unsealed"
    CONFLICT = "conflict"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact. `at` is when it came to be (epoch seconds), not when somebody looked: together
    with `details` (text and whole numbers) it tells a finding from one made before. `tenant` is ""
    where it concerns none."""

    kind: FindingKind
    tenant: str
    at: int
    details: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Sorts by time; the same for the same finding, however often it is made."""
        facts = orjson.dumps([self.tenant, dict(self.details)], option=orjson.OPT_SORT_KEYS)
        return f"{self.at:011d}#{hashlib.sha256(facts).hexdigest()[:16]}"


class FindingStore(Protocol):
    """Where findings are kept."""

    def record(self, finding: Finding) -> bool:
        """Keeps the finding; whether it is a new one. Raises StoreUnavailable."""
        ...

    def of_kind(self, kind: FindingKind, start: int, end: int) -> Iterable[Finding]:
        """Those with `start` <= at < `end`, in order. Raises StoreUnavailable."""
        ...
