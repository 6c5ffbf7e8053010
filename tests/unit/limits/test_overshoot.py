"""Budgets whatever happens: environments die, answers are lost, clocks differ, leases expire."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from infermeter.errors import BudgetLeased, BudgetSpent, StoreUnavailable
from infermeter.limits.budget import LIFETIME_S, BudgetLeases, Hold
from infermeter.limits.leases import SKEW_S
from infermeter.limits.outage import Outage
from infermeter.limits.periods import month_of
from infermeter.limits.reclaim import Reclaimer
from infermeter.limits.terms import Budget
from infermeter.metering.ids import Channel, RequestId
from infermeter.metering.ledger import LedgerEntry
from tests.ports import NOW, Clock
from tests.unit.limits.tables import HourlyLedger, MemoryBudgets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infermeter.limits.leases import Ended, Lease, Refused

TIMEOUT_S = 900.0
ENTRY = LedgerEntry(
    tenant="acme",
    request_id=RequestId("0", None),
    key_id="a",
    model="m",
    version="1",
    unit="row",
    units=0,
    rows=0,
    bytes_in=0,
    bytes_out=0,
    milliseconds=0,
    channel=Channel.HTTP,
    payload_hash="",
    nonce="",
    committed_ms=0,
)


@dataclass
class FickleBudgets(MemoryBudgets):
    """Changes that are made or not, and not answered, as `fate` says: applied, lost or dropped."""

    fate: str = "applied"

    def take(self, lease: Lease, ceiling: int, ended: Sequence[Ended]) -> Refused | None:
        return self._done(lambda: MemoryBudgets.take(self, lease, ceiling, ended))

    def give_back(self, ended: Sequence[Ended]) -> Refused | None:
        return self._done(lambda: MemoryBudgets.give_back(self, ended))

    def _done(self, change: Callable[[], Refused | None]) -> Refused | None:
        fate, self.fate = self.fate, "applied"
        if fate == "dropped":
            raise StoreUnavailable("limits table")
        outcome = change()
        if fate == "lost":
            raise StoreUnavailable("limits table")
        return outcome


@dataclass
class Environment:
    """One, with the requests that it has under way: their holds, and what each will take."""

    budget: BudgetLeases
    under_way: list[tuple[Hold, int]] = field(default_factory=list)


class Budgets(RuleBasedStateMachine):
    """Requests of many environments on one budget."""

    @initialize(amount=st.sampled_from([1, 7, 60, 3_000]), count=st.integers(1, 4))
    def start(self, amount: int, count: int) -> None:
        self.amount, self.table, self.ledger = amount, FickleBudgets(), HourlyLedger()
        self.clock, self.environments = Clock(), []
        self.uncertain = 0
        self.committed = 0
        for number in range(count):
            self.environments.append(self.environment(number * 0.5 * SKEW_S / count))

    def environment(self, skew: float = 0.0) -> Environment:
        def clock() -> float:
            return self.clock.now + skew

        arguments: Any = ("key", "K#a", "acme", Budget(self.amount), self.table, clock, Outage())
        return Environment(BudgetLeases(*arguments))

    def pick(self, number: int) -> Environment:
        return self.environments[number % len(self.environments)]

    @rule(number=st.integers(0, 3), amount=st.sampled_from([1, 1, 1, 2, 30, 400]))
    def admit(self, number: int, amount: int) -> None:
        environment = self.pick(number)
        try:
            hold = environment.budget.hold(1, amount)
        except (BudgetLeased, BudgetSpent, StoreUnavailable):
            return
        environment.under_way.append((hold, amount))

    @rule(number=st.integers(0, 3), end=st.sampled_from(["charged", "replay", "unknown", "late"]))
    def finish(self, number: int, end: str) -> None:
        environment = self.pick(number)
        if not environment.under_way:
            return
        hold, amount = environment.under_way.pop(0)
        if end == "late":
            self.clock.now += LIFETIME_S
        try:
            lease = hold.secure(amount)
        except (BudgetLeased, BudgetSpent, StoreUnavailable):
            hold.settle(0)
            return
        assert environment.budget.clock() * 1000 < self.table.leases[lease].expires_ms
        if end == "replay":
            hold.settle(0)
            return
        if end == "unknown":
            self.uncertain += amount
        else:
            self.charge(lease, amount)
        hold.settle(amount)

    def charge(self, lease: str, amount: int) -> None:
        self.committed += amount
        self.ledger.entries.append(
            replace(ENTRY, units=amount, lease=lease, committed_ms=int(self.clock.now * 1000))
        )

    @rule(number=st.integers(0, 3), put=st.booleans())
    def die(self, number: int, put: bool) -> None:
        environment = self.pick(number)
        if put and environment.under_way:
            hold, amount = environment.under_way[0]
            with suppress(BudgetLeased, BudgetSpent, StoreUnavailable):
                self.charge(hold.secure(amount), amount)
        self.environments[number % len(self.environments)] = self.environment()

    @rule(seconds=st.sampled_from([0.5, 6.0, LIFETIME_S]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(fate=st.sampled_from(["lost", "dropped"]))
    def fail(self, fate: str) -> None:
        self.table.fate = fate

    @precondition(lambda self: not any(each.under_way for each in self.environments))
    @rule()
    def reclaim(self) -> None:
        """Whoever is idle for so long may be gone, or wake up and go on."""
        self.table.fate = "applied"
        self.run_reclaimer()

    def run_reclaimer(self) -> None:
        reclaimer = Reclaimer(self.table, self.ledger, lambda: False, self.clock, TIMEOUT_S)
        reclaimer.run()
        self.clock.now += LIFETIME_S + TIMEOUT_S + 4 * SKEW_S + 60
        reclaimer.run()
        assert not self.table.leases

    @invariant()
    def no_more_is_charged_than_the_limit(self) -> None:
        assert self.committed + self.uncertain <= self.amount
        assert sum(self.table.leased.values()) <= self.amount

    def teardown(self) -> None:
        if not hasattr(self, "amount"):
            return
        self.table.fate = "applied"
        self.run_reclaimer()
        # Nothing is stranded: what is taken is what was charged, or may have been.
        (settled, leased) = (sum(t.values()) for t in (self.table.settled, self.table.leased))
        assert leased == settled
        assert self.committed <= settled <= self.committed + self.uncertain


assert month_of(NOW) == month_of(NOW + 5 * 24 * 3600)  # the machine stays within one month
Budgets.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestBudgets = Budgets.TestCase
