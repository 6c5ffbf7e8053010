"""What an hour's logs say of requests whose entry does not name the attempt that was answered.

A replay and a charge that waits in the spool leave no entry with the answered attempt's gateway
id: only the function's log says which request they were. What it says of an hour is kept as sets
of marks, so that the hours between a charge and its voiding need not be read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from infermeter.metering.ledger import Billed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from infermeter.reconciliation.answers import Passage


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of replays and pending charges that the function told of, by the marks of their requests.

    `served`: the attempt was answered 2xx. `refused`: it left the charge in the spool, and was
    answered otherwise. `unlogged`: the gateway's log does not have it. `unexplained` counts 2xx
    that neither an entry nor the function's log accounts for: each may have been a replay of any
    request.
    """

    served: frozenset[bytes] = frozenset()
    refused: frozenset[bytes] = frozenset()
    unlogged: frozenset[bytes] = frozenset()
    unexplained: int = 0

    def plus(self, other: Evidence) -> Evidence:
        """Both."""
        return Evidence(
            self.served | other.served,
            self.refused | other.refused,
            self.unlogged | other.unlogged,
            self.unexplained + other.unexplained,
        )


class Waiting(NamedTuple):
    """A pending charge that was answered 2xx in `hour`, and is not in the ledger yet."""

    hour: str
    tenant: str
    request_id: str


class EvidenceStore(Protocol):
    """Where evidence and the job's own progress are kept. Every method raises StoreUnavailable."""

    def keep(self, hour: str, evidence: Evidence) -> None:
        """Keeps an hour's evidence, in place of what was kept of it."""
        ...

    def of_hour(self, hour: str) -> Evidence | None:
        """The hour's, once it was kept."""
        ...

    def keep_waiting(self, hour: str, waiting: Sequence[Waiting]) -> None:
        """Keeps what of an hour waits, in place of what was kept of it."""
        ...

    def waiting(self) -> Sequence[Waiting]:
        """All that waits, by hour."""
        ...

    def progress(self, task: str) -> str:
        """How far a task has come; "" before its first."""
        ...

    def advance(self, task: str, reached: str) -> None:
        """Remembers how far a task has come."""
        ...


def weigh(
    passages: Iterable[Passage], delivered: Collection[bytes], failed: Collection[bytes]
) -> Evidence:
    """What passages say, given which of the gateway's ids were answered 2xx and which were not."""
    served, refused, unlogged = set[bytes](), set[bytes](), set[bytes]()
    for passage in passages:
        if passage.billed is Billed.NEW:
            continue  # its entry names the attempt
        if passage.gateway in delivered:
            served.add(passage.key)
        elif passage.gateway not in failed:
            unlogged.add(passage.key)
        elif passage.billed is Billed.PENDING:
            refused.add(passage.key)
    return Evidence(frozenset(served), frozenset(refused), frozenset(unlogged))
