"""The port by which the data plane asks whether a request may be served."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infermeter.metering.ids import Channel
    from infermeter.metering.measures import Quantities
    from infermeter.tenants.authentication import Principal


class Quota(NamedTuple):
    """What a caller is told of one limit. `window_s` is the period that `limit` is for,
    `reset_s` how long until all of it is there again."""

    name: str
    limit: int
    remaining: int
    window_s: int
    reset_s: float


class Permit(Protocol):
    """Leave to serve one request, with what was set aside for it."""

    def lease(self, charged: Quantities, /) -> str:
        """The budget leases to commit under, "" without a budget; to be asked right before the
        put, with what it will charge: more than was set aside is taken now, or refused.

        Where a lease has expired since, another is taken. Raises what `Limiter.admit` raises.
        """
        ...

    def settle(self, charged: Quantities | None) -> None:
        """Ends the permit: what was set aside beyond what was charged is free again.

        None: nothing was. To be called exactly once; never raises.
        """
        ...

    def quotas(self) -> Sequence[Quota]:
        """What remains of the limits that applied, as far as this environment knows."""
        ...


class Limiter(Protocol):
    """Decides by the caller's limits, mostly from what this environment has leased."""

    def admit(
        self, principal: Principal, expected: Quantities, channel: Channel, deadline: float
    ) -> Permit:
        """Takes one request off the rate and `expected` off the budgets.

        `expected` has what is known before the run. Of what is not, milliseconds and bytes out,
        the most that it may be until `deadline` is set aside, as far as there is so much. The rate
        is for HTTP alone: a queue paces itself. Raises RateLimited, BudgetLeased, BudgetSpent,
        StoreUnavailable.
        """
        ...

    def flush_due(self, deadline: float) -> None:
        """Tells others what was spent, where they could not know, while `deadline` (epoch seconds)
        permits. To be called once answers are made; never raises."""
        ...


class _Free:
    """The permit of who has no limits."""

    def lease(self, _: Quantities) -> str:
        return ""

    def settle(self, charged: Quantities | None) -> None:
        pass

    def quotas(self) -> Sequence[Quota]:
        return ()


class Unlimited:
    """The limiter of a service that has none."""

    _permit = _Free()

    def admit(self, *_: object) -> Permit:
        """Always."""
        return self._permit

    def flush_due(self, deadline: float) -> None:
        """Nothing is to be told."""
