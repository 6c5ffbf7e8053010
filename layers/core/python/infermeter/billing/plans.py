"""Plans: what is charged for and what limits its tenants. A version of a plan never changes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from infermeter.errors import UnknownPlan
from infermeter.limits.terms import UNLIMITED, Limits
from infermeter.tenants.accounts import Act, attempted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from infermeter.metering.measures import Measure

PLAN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


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
    """One version of a plan, in force since `since` (epoch seconds; 0: unknown).

    `currency` is ISO 4217's; `monthly_fee` is per tenant.
    """

    name: str
    version: int
    currency: str
    monthly_fee: Decimal
    prices: tuple[Price, ...]
    limits: Limits = UNLIMITED
    since: int = field(default=0, compare=False)

    @property
    def reference(self) -> str:
        """As ledger entries name it."""
        return f"{self.name}:{self.version}"


class PlanStore(Protocol):
    """Where plans are kept."""

    def plan(self, name: str, version: int | None = None) -> Plan | None:
        """A version of a plan, by default the one in force; None if there is none."""
        ...

    def add(self, plan: Plan, act: Act) -> bool:
        """Stores a version, and puts it in force; False unless it is the next."""
        ...

    def names(self) -> Sequence[str]:
        """All plans', sorted."""
        ...


class Placed(NamedTuple):
    """The version in force, and whether it is new."""

    plan: Plan
    changed: bool


class PlanAdministration:
    """Stores plans; `actor` says who does."""

    def __init__(
        self, store: PlanStore, clock: Callable[[], float], actor: Callable[[], str]
    ) -> None:
        self._store, self._clock, self._actor = store, clock, actor

    def put(self, plan: Plan) -> Placed:
        """A new version of the plan, in force from now on, unless that in force says the same.

        What was used before is charged by the version that was in force then.
        """

        def attempt() -> Placed | None:
            standing = self._store.plan(plan.name)
            version = standing.version if standing else 0
            if standing == replace(plan, version=version):
                return Placed(standing, changed=False)
            new = replace(plan, version=version + 1, since=int(self._clock()))
            details: dict[str, str | int] = {"plan": plan.name, "version": new.version}
            act = Act(trail_of(plan.name), "plan.put", self._actor(), self._clock(), details)
            return Placed(new, changed=True) if self._store.add(new, act) else None

        return attempted(f"plan '{plan.name}'", attempt)

    def names(self) -> Sequence[str]:
        """All plans', sorted."""
        return self._store.names()

    def plan(self, reference: str) -> Plan:
        """Of `<name>` the version in force, or `<name>:<version>`. Raises UnknownPlan."""
        name, colon, number = reference.partition(":")
        known = PLAN_NAME.fullmatch(name) and (not colon or number.isdecimal())
        plan = self._store.plan(name, int(number) if colon else None) if known else None
        if plan is None:
            raise UnknownPlan(reference)
        return plan


def trail_of(plan: str) -> str:
    """Whose acts those on a plan are: no tenant has such a name."""
    return f"PLAN#{plan}"
