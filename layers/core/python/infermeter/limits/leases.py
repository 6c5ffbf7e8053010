"""Budget leases as they are kept: totals of a period, and a row for each lease that is out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infermeter.metering.measures import Measure

# What a clock may be off by, at most; AWS keeps its own within milliseconds.
SKEW_S = 5.0


class Account(NamedTuple):
    """What totals are kept for: a subject's use of one measure in one month (`yyyymm`)."""

    subject: str
    period: str
    measure: Measure


class Totals(NamedTuple):
    """`leased` is all that was ever leased, less what was given back: never above the limit.
    `settled` is what of it is known to be spent, by leases that have ended."""

    leased: int = 0
    settled: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """A part of a budget that one environment alone may spend, until it expires.

    `tenant` is whose ledger tells what was charged under it. Times are epoch milliseconds.
    """

    id: str
    account: Account
    tenant: str
    size: int
    started_ms: int
    expires_ms: int


class Ended(NamedTuple):
    """A lease that is over, and what of it was, or may have been, charged."""

    lease: Lease
    spent: int


class Asked(NamedTuple):
    """The arguments of a `take`, as they were: with others, a repetition would be another act."""

    lease: Lease
    ceiling: int
    ended: Sequence[Ended]


class Refused(NamedTuple):
    """Why nothing was changed: more than the ceiling is leased already (`full`), or leases of
    these ids were given back before (`gone`)."""

    full: bool
    gone: frozenset[str]


class BudgetTable(Protocol):
    """Where leases are kept. All raise StoreUnavailable; a change that was not answered may
    have been made: a repetition makes it no second time."""

    def totals(self, account: Account) -> Totals:
        """What stands now."""
        ...

    def take(self, lease: Lease, ceiling: int, ended: Sequence[Ended]) -> Refused | None:
        """Gives back the ended leases and takes the new one, all or nothing.

        Refused when that would leave more than `ceiling` leased. None when it is done.
        """
        ...

    def give_back(self, ended: Sequence[Ended]) -> Refused | None:
        """Gives back alone."""
        ...
