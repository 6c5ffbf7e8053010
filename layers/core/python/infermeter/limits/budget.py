"""Budgets: an environment spends from leases that nobody else can spend from.

A lease is at most one hundredth of the limit and a sixteenth of what remains of it, at least 1,
and at least what one request needs. It is spent for at most `LIFETIME_S`, never past the month's
end. All leases together, less what was given back, are never above the limit, and nothing is
charged but under a lease that had room for it: overshoot is 0.

What an ended lease left is given back with the next one that the same environment takes; one that
is spent whole is settled after the answer, so that others learn what is used up, though this
environment is not called again. What an environment that is gone left, the `Reclaimer` gives back.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from infermeter.errors import BudgetLeased, BudgetSpent, StoreUnavailable
from infermeter.limits.leases import Account, Asked, Ended, Lease
from infermeter.limits.limiter import Quota
from infermeter.limits.periods import bounds, month_of
from infermeter.metering.measures import Measure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infermeter.limits.leases import BudgetTable, Totals
    from infermeter.limits.outage import Outage
    from infermeter.limits.terms import Budget

LIFETIME_S = 60.0
# For so long a refusal stands without being asked for again.
REFUSAL_S = 5.0
_LIMIT_SHARE, _REST_SHARE = 100, 16
# A transaction's items: the new lease, totals of two months, and leases to give back.
_MOST_ENDED = 20
_ATTEMPTS = 4
_NAMES = {Measure.REQUEST: "monthly-requests", Measure.BYTE_IN: "bytes-in"} | {
    Measure.BYTE_OUT: "bytes-out"
}


class _Held:
    """A lease in hand: `size` is `free`, `held` by permits or `spent`."""

    __slots__ = ("expires", "free", "held", "lease", "spent", "starts")

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.starts, self.expires = lease.started_ms / 1000, lease.expires_ms / 1000
        self.free, self.held, self.spent = lease.size, 0, 0

    def lasts(self, now: float) -> bool:
        # A clock that was set back does not make a lease last longer.
        return self.starts <= now < self.expires

    def left(self) -> int:
        """What is given back when it ends."""
        return self.lease.size - self.spent


class Hold:
    """What one permit has set aside of a budget."""

    __slots__ = ("_amount", "_budget", "_held", "measure")

    def __init__(self, budget: BudgetLeases, held: _Held, amount: int) -> None:
        self.measure = budget.measure
        self._budget, self._held, self._amount = budget, held, amount
        held.free -= amount
        held.held += amount

    def secure(self, amount: int) -> str:
        """The lease under which so much may be charged now; another is taken where it must be.

        Raises what `BudgetLeases.hold` raises.
        """
        held, more = self._held, amount - self._amount
        lasts = held.lasts(self._budget.clock())
        if lasts and more > held.free:
            # Its own part is free for the lease that has room for all of it.
            self.settle(0)
            lasts = False
        if not lasts:
            self.settle(0)
            moved = self._budget.hold(amount, amount)
            self._held, self._amount = moved._held, moved._amount  # noqa: SLF001
        elif more > 0:
            held.free -= more
            held.held += more
            self._amount = amount
        return self._held.lease.id

    def settle(self, spent: int) -> None:
        """Ends it: so much was charged, the rest is free again. Another time it does nothing."""
        held = self._held
        held.held -= self._amount
        held.spent += spent
        held.free += self._amount - spent
        self._amount = 0
        if spent:
            self._budget.learn(spent)


class BudgetLeases:
    """One subject's budget in this environment."""

    def __init__(
        self,
        whose: str,
        subject: str,
        tenant: str,
        budget: Budget,
        table: BudgetTable,
        clock: Callable[[], float],
        outage: Outage,
    ) -> None:
        self.clock, self.budget, self.measure = clock, budget, budget.measure
        self._whose, self._subject, self._tenant = whose, subject, tenant
        self._table, self._outage = table, outage
        # The one to spend from, and those to give back once no permit is open on them.
        self._current: _Held | None = None
        self._ended: list[_Held] = []
        # The one that may have been taken: no answer came.
        self._asked: Asked | None = None
        self._period, self._begins, self._ends = "", 0.0, 0.0
        self._leased = 0
        self._refused_at, self._refused_amount, self._refused_spent = -REFUSAL_S, 0, False
        # The most that a request took lately; 0 until one has.
        self._usual = 0

    def change(self, budget: Budget) -> None:
        """Another amount of the same measure, from now on."""
        self.budget, self._refused_at, self._asked = budget, -REFUSAL_S, None

    def hold(self, least: int, most: int) -> Hold:
        """Sets aside at least `least`; of `most`, what requests usually take, if they took any.

        Raises BudgetSpent, BudgetLeased, StoreUnavailable.
        """
        now = self.clock()
        held = self._current
        if held is None or held.free < least or not held.lasts(now):
            held = self._renew(now, least)
        amount = least
        if most > least:
            usual = 4 * self._usual or most
            amount = max(least, min(most, usual, held.free))
        return Hold(self, held, amount)

    def learn(self, spent: int) -> None:
        """Remembers what a request took: the most of late."""
        usual = self._usual
        self._usual = spent if spent > usual else usual - (usual - spent) // 4

    def quota(self) -> Quota:
        """What remains, as far as this environment knows."""
        now = self.clock()
        self._enter(now)
        amount, held = self.budget.amount, self._current
        free = held.free if held is not None and held.lasts(now) else 0
        remaining = max(0, min(amount, amount - self._leased + free))
        name = _NAMES.get(self.measure, f"{self.measure.value}s")
        return Quota(name, amount, remaining, int(self._ends - self._begins), self._ends - now)

    def settle_spent(self) -> None:
        """Tells the table of the leases that are spent whole. Never raises: what cannot be told
        now is told with the next lease."""
        spent = [each for each in self._returnable() if not each.free]
        if not spent:
            return
        try:
            with self._outage.at(self.clock()):
                refused = self._table.give_back(_spent(spent))
        except StoreUnavailable:
            return
        told = refused.gone if refused else frozenset(each.lease.id for each in spent)
        if self._current is not None and self._current.lease.id in told:
            self._current = None
        self._drop(told)

    def _enter(self, now: float) -> None:
        if not self._begins <= now < self._ends:
            self._period, self._leased = month_of(now), 0
            self._begins, self._ends = bounds(self._period)

    def _renew(self, now: float, least: int) -> _Held:
        refused_for = now - self._refused_at
        # What was spent in a month that is over says nothing of the next.
        lasts = 0 <= refused_for < REFUSAL_S and self._begins <= now < self._ends
        if least >= self._refused_amount and lasts:
            raise self._refusal(REFUSAL_S - refused_for)
        self._enter(now)
        account = Account(self._subject, self._period, self.measure)
        with self._outage.at(now):
            for _ in range(_ATTEMPTS):
                taken = self._ask_again(now, least) or self._try(now, least, account)
                if taken is not None:
                    return taken
        raise StoreUnavailable("limits table: others changed the budget's leases; retry")

    def _try(self, now: float, least: int, account: Account) -> _Held | None:
        """The new lease; None where what was read stands no longer."""
        totals = self._table.totals(account)
        ended = self._returnable()
        back = sum(each.left() for each in ended if each.lease.account == account)
        remaining = self.budget.amount - totals.leased + back
        if remaining < least:
            self._refuse(now, least, account, totals)
            return None
        lease = self._lease(now, account, min(remaining, self._size(least, remaining)))
        # Of an answer that does not come none can tell whether what is given back is ours still.
        current, self._current = self._current, None
        if current is not None:
            self._ended.append(current)
        asked = self._asked = Asked(lease, self.budget.amount, _spent(ended))
        refused = self._table.take(*asked)
        self._asked = None
        if refused is not None:
            self._drop(refused.gone)
            if current in self._ended:
                self._ended.remove(current)
                self._current = current
            return None
        self._drop(frozenset(each.lease.id for each in ended))
        self._leased = totals.leased - back + lease.size
        self._current = _Held(lease)
        return self._current

    def _ask_again(self, now: float, least: int) -> _Held | None:
        """The lease of which no answer came, asked for once more: were each attempt another lease,
        a table that is slow for a minute or two would have leased out all that there is. None where
        there is none such, or it is of no use now."""
        asked, held = self._asked, None
        if asked is None:
            return None
        if least <= asked.lease.size and _Held(asked.lease).lasts(now):
            refused = self._table.take(*asked)
            if refused is None:
                self._drop(frozenset(each.lease.id for each in asked.ended))
                self._leased += asked.lease.size
                held = self._current = _Held(asked.lease)
            else:
                self._drop(refused.gone)
        self._asked = None
        return held

    def _size(self, least: int, remaining: int) -> int:
        share = min(-(-self.budget.amount // _LIMIT_SHARE), -(-remaining // _REST_SHARE))
        return max(1, least, share)

    def _lease(self, now: float, account: Account, size: int) -> Lease:
        expires = min(now + LIFETIME_S, self._ends)
        name = secrets.token_urlsafe(9)
        return Lease(name, account, self._tenant, size, int(now * 1000), int(expires * 1000))

    def _known(self) -> list[_Held]:
        return [*self._ended, *([] if self._current is None else [self._current])]

    def _returnable(self) -> list[_Held]:
        return [each for each in self._known() if not each.held][:_MOST_ENDED]

    def _drop(self, gone: frozenset[str]) -> None:
        self._ended = [each for each in self._ended if each.lease.id not in gone]

    def _refuse(self, now: float, least: int, account: Account, totals: Totals) -> None:
        """Raises the refusal. First gives back what is over, so that others learn what is spent;
        returns where some of it was given back before, and is in the totals already."""
        over = [each for each in self._returnable() if not (each.free and each.lasts(now))]
        spent = sum(each.spent for each in self._known() if each.lease.account == account)
        left = sum(each.left() for each in over if each.lease.account == account)
        if over:
            if self._current in over:
                self._ended.append(self._current)
                self._current = None
            refused = self._table.give_back(_spent(over))
            if refused is not None:
                self._drop(refused.gone)
                return
            self._drop(frozenset(each.lease.id for each in over))
        self._leased = totals.leased - left
        self._refused_at, self._refused_amount = now, least
        self._refused_spent = self.budget.amount - totals.settled - spent < least
        raise self._refusal(REFUSAL_S)

    def _refusal(self, retry_after_s: float) -> BudgetSpent | BudgetLeased:
        if not self._refused_spent:
            return BudgetLeased(self._whose, retry_after_s)
        period = f"{self._period[:4]}-{self._period[4:]}"
        what = f"{self.measure.value}s"
        return BudgetSpent(self._whose, self.budget.amount, what, period)


def _spent(ended: Sequence[_Held]) -> list[Ended]:
    return [Ended(each.lease, each.spent) for each in ended]
