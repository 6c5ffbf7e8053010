"""The outbox: what is to be sent, one row per target, tenant, hour, meter and revision.

A row is written, with its quantity and its identity, in one transaction with the progress of the
plan, and before anything is sent; neither changes afterwards. So a run that dies leaves rows to
send again, under the identity by which the vendor counts them once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRST_PAUSE_S = 10 * 60
LONGEST_PAUSE_S = 4 * 3600


class RowState(Enum):
    """What became of a row. MOVED: its quantity is in another revision, or in the carry."""

    PENDING = "pending"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"
    MOVED = "moved"


OPEN = (RowState.PENDING, RowState.SENT, RowState.FAILED)


@dataclass(frozen=True, slots=True)
class Row:
    """A quantity for a vendor. Times are epoch seconds, 0 for never.

    `doubt` says that some attempt had no answer, so that the vendor may have counted it.
    """

    target: str
    tenant: str
    hour: str
    meter: str
    quantity: int
    customer: str
    payload_id: str
    licence: str = ""
    revision: int = 0
    state: RowState = RowState.PENDING
    attempts: int = 0
    first_at: int = 0
    next_at: int = 0
    doubt: bool = False
    error: str = ""
    receipt: str = ""

    def claimed(self, now: int) -> Row:
        """As it is written before it is sent; the next attempt waits ever longer."""
        pause = min(FIRST_PAUSE_S * 2**self.attempts, LONGEST_PAUSE_S)
        return replace(
            self,
            state=RowState.SENT,
            attempts=self.attempts + 1,
            first_at=self.first_at or now,
            next_at=now + pause,
            doubt=True,
        )

    def due(self, now: float) -> bool:
        """Whether it is to be sent now."""
        return self.state in (RowState.PENDING, RowState.SENT) and self.next_at <= now


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a tenant's hours are planned for a target.

    All hours before `planned` have their rows; all before `cursor` are acknowledged, too. `carry`
    is, by meter, what the planned hours could not say: a debit, or what came too late.
    """

    planned: str
    cursor: str
    carry: Mapping[str, int] = field(default_factory=dict)
    version: int = 0


class Outbox(Protocol):
    """Where rows and progress are kept."""

    def progress(self, target: str, tenant: str) -> Progress | None:
        """How far a tenant's export is; None before it began."""
        ...

    def plan(self, target: str, tenant: str, after: Progress, rows: Sequence[Row]) -> bool:
        """Writes rows and the progress past them, all or none.

        False, and nothing is changed, unless the progress that stands is of the version before
        `after`'s (none, for version 1).
        """
        ...

    def rows(self, target: str, tenant: str, since: str) -> Sequence[Row]:
        """The rows of hours from `since` on, in order of their hours."""
        ...

    def change(self, before: Row, after: Row) -> bool:
        """Writes a row's new state; False if it is not as it was."""
        ...

    def move(self, before: Row, after: Progress | Row) -> bool:
        """Closes a row as moved, with its next revision or the progress that carries it.

        All or none; False if the row, or the progress, is not as it was.
        """
        ...

    def move_cursor(self, target: str, tenant: str, cursor: str) -> None:
        """Moves the cursor on; never back."""
        ...


def payload_id(source: str, *parts: str) -> str:
    """The identity of a row at its vendor: the same row, the same id, in this deployment alone."""
    return "im-" + sha256("\n".join((source, *parts)).encode()).hexdigest()[:40]


def cursor_of(progress: Progress, rows: Sequence[Row]) -> str:
    """The first hour of which something is not acknowledged; the first unplanned one if none."""
    return min((row.hour for row in rows if row.state in OPEN), default=progress.planned)
