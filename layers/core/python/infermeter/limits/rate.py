"""Rates: GCRA, whose tokens an execution environment takes some at a time.

The generic cell rate algorithm (ITU-T I.371) keeps one number: the theoretical arrival time
(TAT) of the next request, were all spaced evenly. `n` requests at `t` conform if
`max(TAT, t) + n/R - t <= B/R`, and then move it there. It stands in a table, in microseconds, and
moves by a conditional write: a lease of `n` requests. A lease is spent within `LEASE_S` of the
local time before that write, and what is left of it then is lost.

Bound: in any window of `w` seconds at most `B + R * (w + D + 2e)` requests are admitted by all
environments together, where `D` is `LEASE_S` and no clock is off by more than `e`, `SKEW_S` at
most. For leases taken in a window are at most `B + R * (w + 2e)`, by GCRA over times that are off
by `e`; and what is spent in a window was leased in it, or in the `D` before.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, Protocol

from infermeter.errors import RateLimited
from infermeter.limits.leases import SKEW_S
from infermeter.limits.limiter import Quota

if TYPE_CHECKING:
    from collections.abc import Callable

    from infermeter.limits.outage import Outage
    from infermeter.limits.terms import Rate

LEASE_S = 1.0
_SECOND = 1_000_000


class Arrival(NamedTuple):
    """Whether a lease was taken, and the TAT that stands now, in epoch microseconds."""

    taken: bool
    tat_us: int


class RateTable(Protocol):
    """Where TATs stand. Both raise StoreUnavailable; a write that was not answered may count."""

    def begin(self, subject: str, *, now_us: int, tat_us: int, stale_us: int) -> Arrival:
        """Sets the TAT, unless one stands that is after `now_us` and at most `stale_us`."""
        ...

    def extend(self, subject: str, *, now_us: int, by_us: int, at_most_us: int) -> Arrival:
        """Adds to the TAT if it is after `now_us` and at most `at_most_us`."""
        ...


class RateLeases:
    """One subject's rate in this environment."""

    def __init__(
        self,
        whose: str,
        subject: str,
        rate: Rate,
        table: RateTable,
        clock: Callable[[], float],
        outage: Outage,
    ) -> None:
        self.rate = rate
        self._whose, self._subject, self._table = whose, subject, table
        self._clock, self._outage = clock, outage
        self._tokens = self._size = self._used = 0
        self._started = self._expires = 0.0
        # The last TAT known; it never moves back, so what it denies is denied.
        self._tat_us = self._denied_until_us = 0

    def take(self) -> None:
        """Takes one request. Raises RateLimited, StoreUnavailable."""
        now = self._clock()
        # A clock that was set back does not make a lease last longer.
        if self._tokens <= 0 or not self._started <= now < self._expires:
            self._renew(now)
        self._tokens -= 1
        self._used += 1

    def give_back(self) -> None:
        """Undoes what `take` has just taken."""
        self._tokens += 1
        self._used -= 1

    def quota(self) -> Quota:
        """What remains, as far as this environment knows."""
        now = self._clock()
        now_us = int(now * _SECOND)
        left = self._tokens if self._started <= now < self._expires else 0
        per_s, burst = self.rate.per_s, self.rate.burst
        # A window is whole seconds: of a burst that is back sooner, a second's worth is told.
        limit = burst if burst > per_s else int(per_s)
        remaining = min(limit, self._fitting(self._tat_us, now_us) + left)
        window_s = max(1, math.ceil(burst / per_s))
        reset_s = max(0, self._tat_us - now_us) / _SECOND
        return Quota("requests", limit, remaining, window_s, reset_s)

    def _renew(self, now: float) -> None:
        now_us = int(now * _SECOND)
        if now_us < self._denied_until_us:
            raise self._limited(now_us)
        wanted, tat_us = self._wanted(now), self._tat_us
        # The second write knows what stood at the first: a third would only meet another's.
        for _ in range(2):
            count = min(wanted, self._fitting(tat_us, now_us))
            if count < 1:
                break
            with self._outage.at(now):
                taken, tat_us = self._lease(count, tat_us, now_us)
            if taken:
                self._tokens = self._size = count
                self._used, self._tat_us = 0, tat_us
                self._started, self._expires = now, now + LEASE_S
                return
        self._tat_us = tat_us
        self._denied_until_us = tat_us - self._cost(self.rate.burst) + self._cost(1)
        raise self._limited(now_us)

    def _lease(self, count: int, tat_us: int, now_us: int) -> Arrival:
        cost_us = self._cost(count)
        if tat_us <= now_us or tat_us > self._stale(now_us):
            return self._table.begin(
                self._subject,
                now_us=now_us,
                tat_us=now_us + cost_us,
                stale_us=self._stale(now_us),
            )
        at_most_us = now_us + self._cost(self.rate.burst) - cost_us
        return self._table.extend(
            self._subject, now_us=now_us, by_us=cost_us, at_most_us=at_most_us
        )

    def _wanted(self, now: float) -> int:
        """What the last lease's use makes expect of the next, growing by at most twice a time."""
        most = max(1, min(self.rate.burst, int(self.rate.per_s * LEASE_S)))
        took_s = max(now - self._started, LEASE_S / 1000)
        expected = math.ceil(self._used * LEASE_S / took_s)
        return max(1, min(expected, 2 * self._size, most))

    def _cost(self, count: int) -> int:
        """What so many requests move the TAT by, rounded up to the microsecond."""
        return math.ceil(count * _SECOND / self.rate.per_s)

    def _fitting(self, tat_us: int, now_us: int) -> int:
        """How many requests conform now."""
        ahead_us = 0 if tat_us > self._stale(now_us) else max(0, tat_us - now_us)
        room_us = self._cost(self.rate.burst) - ahead_us
        count = math.floor(room_us * self.rate.per_s / _SECOND)
        # Of two roundings the cost's counts: the write's own condition is made of it.
        return count if count < 1 or self._cost(count) <= room_us else count - 1

    def _stale(self, now_us: int) -> int:
        """No request at this rate leaves a TAT after this: one that is was left at a slower."""
        return now_us + self._cost(self.rate.burst) + int(2 * SKEW_S * _SECOND)

    def _limited(self, now_us: int) -> RateLimited:
        wait_us = max(self._denied_until_us - now_us, 1000)
        policy = f"{self.rate.per_s:g} requests/s, {self.rate.burst} at once"
        return RateLimited(self._whose, policy, wait_us / _SECOND)
