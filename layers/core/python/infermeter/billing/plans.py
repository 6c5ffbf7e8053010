"""Plans: what is charged for and what limits its tenants. A version of a plan never changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from infermeter.limits.terms import UNLIMITED, Limits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from infermeter.metering.measures import Measure


@dataclass(frozen=True, slots=True)
class Tier:
    """`price` each, for quantities up to `up_to` in the month; the last tier has no end."""

    up_to: int | None
    price: Decimal


@dataclass(frozen=True, slots=True)
class Price:
    """What a measure of the models of one name, or with a final `*` of one beginning, costs.

    The first `included` of a month are free; tiers count from zero, what is included among it.
    """

    model: str
    measure: Measure
    tiers: tuple[Tier, ...]
    included: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of a plan. `currency` is ISO 4217's; `monthly_fee` is per tenant."""

    name: str
    version: int
    currency: str
    monthly_fee: Decimal
    prices: tuple[Price, ...]
    limits: Limits = UNLIMITED

    @property
    def reference(self) -> str:
        """As ledger entries name it."""
        return f"{self.name}:{self.version}"


class PlanStore(Protocol):
    """Where plans are kept."""

    def plan(self, name: str, version: int | None = None) -> Plan | None:
        """A version of a plan, by default the one in force; None if there is none."""
        ...

    def add(self, plan: Plan) -> None:
        """Stores a version that is new, and puts it in force."""
        ...

    def names(self) -> Sequence[str]:
        """All plans', sorted."""
        ...
