"""The limiter over leases: a key's limits and its tenant's together, all or nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from infermeter.errors import InfermeterError, LimitReached, PaymentRequired
from infermeter.limits.budget import BudgetLeases
from infermeter.limits.limiter import Unlimited
from infermeter.limits.outage import Outage
from infermeter.limits.rate import RateLeases
from infermeter.metering.ids import Channel
from infermeter.metering.measures import Measure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infermeter.limits.budget import Hold
    from infermeter.limits.leases import BudgetTable
    from infermeter.limits.limiter import Permit, Quota
    from infermeter.limits.rate import RateTable
    from infermeter.limits.terms import Limited
    from infermeter.metering.measures import Quantities
    from infermeter.tenants.authentication import Principal

# Between the ids of a key's lease and its tenant's, where an entry has both.
SEPARATOR = ","
_MOST_SUBJECTS = 10_000
_log = logging.getLogger(__name__)
# What a write may take, its client's patience.
WRITE_BUDGET_S = 2.0


class LeasingPermit:
    """Leave to serve one request, with what it holds of each budget."""

    __slots__ = ("_budgets", "_holds", "_rates")

    def __init__(self, rates: list[RateLeases], budgets: list[BudgetLeases]) -> None:
        self._rates, self._budgets = rates, budgets
        self._holds: list[Hold] = []

    def take(self, expected: Quantities, remaining_ms: int, most_bytes_out: int) -> None:
        """Takes from all, or from none. Raises what `Limiter.admit` raises."""
        taken: list[RateLeases] = []
        try:
            for rate in self._rates:
                rate.take()
                taken.append(rate)
            for budget in self._budgets:
                least = max(1, expected.of(budget.measure))
                most = least
                if budget.measure is Measure.MILLISECOND:
                    most = remaining_ms
                elif budget.measure in (Measure.BYTE, Measure.BYTE_OUT):
                    most += most_bytes_out
                self._holds.append(budget.hold(least, most))
        except InfermeterError as error:
            for rate in taken:
                rate.give_back()
            self.settle(None)
            self._tell(error)
            raise

    def lease(self, charged: Quantities) -> str:
        """The leases to commit under, "" without a budget; they have room for what is charged."""
        if not self._holds:
            return ""
        try:
            found = self._secure(charged)
            # To renew one takes time, in which another may end.
            while len(self._holds) > 1 and (again := self._secure(charged)) != found:
                found = again
        except InfermeterError as error:
            self._tell(error)
            raise
        return SEPARATOR.join(found)

    def settle(self, charged: Quantities | None) -> None:
        """Ends the permit."""
        for hold in self._holds:
            hold.settle(0 if charged is None else charged.of(hold.measure))
        self._holds = []

    def quotas(self) -> Sequence[Quota]:
        """What remains of each limit."""
        rates = [each.quota() for each in self._rates]
        return rates + [each.quota() for each in self._budgets]

    def _secure(self, charged: Quantities) -> list[str]:
        return [hold.secure(charged.of(hold.measure)) for hold in self._holds]

    def _tell(self, error: InfermeterError) -> None:
        if isinstance(error, LimitReached | PaymentRequired):
            error.quotas = self.quotas()


class LeasingLimiter:
    """The `Limiter` of one execution environment, which serves one event at a time.

    `most_bytes_out` is what an answer may be at most.
    """

    _free = Unlimited().admit()

    def __init__(
        self,
        rates: RateTable,
        budgets: BudgetTable,
        clock: Callable[[], float],
        most_bytes_out: int,
    ) -> None:
        self._rate_table, self._budget_table, self._clock = rates, budgets, clock
        self._most_bytes_out, self._outage = most_bytes_out, Outage()
        self._rates: dict[str, RateLeases] = {}
        self._budgets: dict[str, BudgetLeases] = {}
        # Those that a request was admitted on since they were last settled.
        self._used: set[str] = set()

    def admit(
        self, principal: Principal, expected: Quantities, channel: Channel, deadline: float
    ) -> Permit:
        """See the port."""
        if not principal.limited:
            return self._free
        by_http = channel is Channel.HTTP
        rates: list[RateLeases] = []
        budgets: list[BudgetLeases] = []
        for limited in principal.limited:
            if by_http and limited.limits.rate is not None:
                rates.append(self._rate(limited))
            if limited.limits.budget is not None:
                budgets.append(self._budget(limited, principal.tenant))
        permit = LeasingPermit(rates, budgets)
        remaining_ms = max(1, int((deadline - self._clock()) * 1000))
        permit.take(expected, remaining_ms, self._most_bytes_out)
        return permit

    def flush_due(self, deadline: float) -> None:
        """See the port."""
        while self._used and self._clock() + WRITE_BUDGET_S <= deadline:
            budget = self._budgets.get(self._used.pop())
            if budget is None:
                continue
            try:
                budget.settle_spent()
            except Exception:  # noqa: BLE001  whatever it is, the answer was charged and must go out
                _log.warning("budget: a lease that is spent could not be told of", exc_info=True)

    def _rate(self, limited: Limited) -> RateLeases:
        subject, rate = limited.subject, limited.limits.rate
        assert rate is not None  # noqa: S101  asked for those alone that have one
        known = self._rates.get(subject)
        # Another rate finds the same TAT: what was taken at the old one counts.
        if known is None or (known.rate is not rate and known.rate != rate):
            _make_room(self._rates)
            known = self._rates[subject] = RateLeases(
                limited.kind, subject, rate, self._rate_table, self._clock, self._outage
            )
        return known

    def _budget(self, limited: Limited, tenant: str) -> BudgetLeases:
        subject, budget = limited.subject, limited.limits.budget
        assert budget is not None  # noqa: S101  asked for those alone that have one
        known = self._budgets.get(subject)
        if known is None or known.measure is not budget.measure:
            _make_room(self._budgets)
            known = self._budgets[subject] = BudgetLeases(
                limited.kind,
                subject,
                tenant,
                budget,
                self._budget_table,
                self._clock,
                self._outage,
            )
        elif known.budget is not budget and known.budget != budget:
            known.change(budget)
        self._used.add(subject)
        return known


def _make_room(known: dict[str, RateLeases] | dict[str, BudgetLeases]) -> None:
    """Forgets all where there are too many: rates' tokens are lost, budgets' are reclaimed."""
    if len(known) >= _MOST_SUBJECTS:
        known.clear()
