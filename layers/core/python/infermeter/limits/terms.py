"""What limits a key or a tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from infermeter.metering.measures import Measure


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_s` requests per second in the long run, `burst` at once."""

    per_s: float
    burst: int


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `amount` of a measure in a calendar month, UTC."""

    amount: int
    measure: Measure = Measure.UNIT


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be used; None is without limit."""

    rate: Rate | None = None
    budget: Budget | None = None

    def over(self, others: Limits) -> Limits:
        """These where they are set, else the others."""
        return Limits(self.rate or others.rate, self.budget or others.budget)

    def __str__(self) -> str:
        parts = []
        if self.rate:
            parts.append(f"{self.rate.per_s:g}/s (burst {self.rate.burst})")
        if self.budget:
            parts.append(f"{self.budget.amount} {self.budget.measure.value} a month")
        return ", ".join(parts) or "none"


UNLIMITED = Limits()


class Limited(NamedTuple):
    """Whose limits these are: `key` or `tenant`, and its name."""

    kind: str
    name: str
    limits: Limits

    @property
    def subject(self) -> str:
        """Under what its leases are counted: the immutable id of a key, the name of a tenant."""
        return f"{'K' if self.kind == 'key' else 'T'}#{self.name}"
