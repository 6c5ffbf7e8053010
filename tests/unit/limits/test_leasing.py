"""A key's limits and its tenant's together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infermeter.errors import BudgetSpent, RateLimited
from infermeter.limits.leasing import LeasingLimiter
from infermeter.limits.terms import Budget, Limited, Limits, Rate
from infermeter.metering.ids import Channel
from infermeter.metering.measures import Measure, Quantities
from infermeter.tenants.authentication import Principal
from tests.ports import NOW, Clock
from tests.unit.limits.tables import MemoryBudgets, MemoryRates

if TYPE_CHECKING:
    from infermeter.limits.leases import Refused
    from infermeter.limits.limiter import Permit

ROWS = Quantities(requests=1, units=3, rows=3, bytes_in=100)


class World:
    """A limiter over memory."""

    def __init__(self, key: Limits, tenant: Limits | None = None) -> None:
        self.rates, self.budgets, self.clock = MemoryRates(), MemoryBudgets(), Clock()
        self.limiter = LeasingLimiter(self.rates, self.budgets, self.clock, 1_000)
        self.limit(key, tenant)

    def limit(self, key: Limits, tenant: Limits | None = None) -> None:
        limited = [Limited("key", "k", key)]
        if tenant is not None:
            limited.append(Limited("tenant", "acme", tenant))
        self.principal = Principal("acme", "k", limited=tuple(limited))

    def admit(self, expected: Quantities = ROWS, channel: Channel = Channel.HTTP) -> Permit:
        return self.limiter.admit(self.principal, expected, channel, NOW + 29)

    def serve(self, charged: Quantities = ROWS) -> str:
        permit = self.admit()
        lease = permit.lease(charged)
        permit.settle(charged)
        return lease


def rate(per_s: float, burst: int) -> Limits:
    return Limits(rate=Rate(per_s, burst))


def budget(amount: int, measure: Measure = Measure.UNIT) -> Limits:
    return Limits(budget=Budget(amount, measure))


def test_whatever_strikes_after_an_answer_the_answer_goes_out() -> None:
    world = World(budget(300))

    def fail(*_: Any) -> None:
        raise KeyError("CancellationReasons")

    give_back, world.budgets.give_back = world.budgets.give_back, fail  # type: ignore[method-assign]
    world.serve()
    world.limiter.flush_due(NOW + 29)
    assert len(world.budgets.leases) == 1
    world.budgets.give_back = give_back  # type: ignore[method-assign]
    world.serve()
    world.limiter.flush_due(NOW + 29)
    assert not world.budgets.leases


def test_who_has_no_limits_costs_nothing() -> None:
    world = World(Limits())
    world.principal = Principal("acme", "k")
    permit = world.admit()
    assert (permit.lease(ROWS), list(permit.quotas())) == ("", [])
    permit.settle(ROWS)
    assert (world.rates.writes, world.budgets.reads) == (0, 0)


def test_each_has_its_own_rate_and_both_hold() -> None:
    world = World(rate(1, 5), rate(1, 3))
    for _ in range(3):
        world.serve()
    with pytest.raises(RateLimited, match="of the tenant"):
        world.admit()
    assert set(world.rates.tats) == {"K#k", "T#acme"}


def test_what_the_second_refuses_the_first_gets_back() -> None:
    world = World(rate(1, 2), rate(0.1, 1))
    world.serve()
    for _ in range(5):
        with pytest.raises(RateLimited, match="of the tenant"):
            world.admit()
    world.limit(rate(1, 2))
    world.serve()
    with pytest.raises(RateLimited, match="of the key"):
        world.admit()


def test_a_rate_is_given_back_where_the_budget_refuses() -> None:
    world = World(Limits(Rate(1, 2), Budget(3)))
    world.serve()
    for _ in range(5):
        with pytest.raises(BudgetSpent):
            world.admit()
    world.limit(rate(1, 2))
    world.serve()


def test_a_budget_is_given_back_where_the_tenants_refuses() -> None:
    world = World(budget(6), budget(3))
    world.serve()
    for _ in range(5):
        with pytest.raises(BudgetSpent, match="of the tenant"):
            world.admit()
    world.limit(budget(6))
    world.serve()
    with pytest.raises(BudgetSpent, match="of the key"):
        world.admit()


def test_an_entry_names_the_leases_of_both() -> None:
    world = World(budget(600), budget(900))
    names = world.serve().split(",")
    assert len(names) == 2
    assert set(names) == set(world.budgets.leases)


def test_a_queue_paces_itself_but_has_a_budget() -> None:
    world = World(Limits(Rate(1, 1), Budget(6)))
    for _ in range(2):
        permit = world.admit(channel=Channel.SQS)
        permit.lease(ROWS)
        permit.settle(ROWS)
    with pytest.raises(BudgetSpent) as caught:
        world.admit(channel=Channel.SQS)
    assert world.rates.writes == 0
    assert [quota.name for quota in caught.value.quotas] == ["units"]


def test_what_was_not_charged_is_free_again() -> None:
    world = World(budget(3))
    for _ in range(10):
        permit = world.admit()
        permit.lease(ROWS)
        permit.settle(None)
    world.serve()
    with pytest.raises(BudgetSpent):
        world.admit()


@pytest.mark.parametrize(
    ("measure", "taken"),
    [
        (Measure.REQUEST, 1),
        (Measure.UNIT, 3),
        (Measure.ROW, 3),
        (Measure.BYTE_IN, 100),
        (Measure.MILLISECOND, 29_000),
        (Measure.BYTE_OUT, 1_001),
        (Measure.BYTE, 1_100),
    ],
)
def test_what_is_not_known_yet_is_set_aside_at_its_most(measure: Measure, taken: int) -> None:
    world = World(budget(10_000_000, measure))
    (before,) = world.limiter.admit(world.principal, ROWS, Channel.HTTP, NOW + 29).quotas()
    assert before.limit - before.remaining == taken


def test_a_replay_in_milliseconds_is_refunded() -> None:
    world = World(budget(10_000_000, Measure.MILLISECOND))
    permit = world.admit()
    permit.lease(ROWS._replace(milliseconds=5))
    permit.settle(None)
    (quota,) = permit.quotas()
    assert quota.remaining == quota.limit


def test_a_refusal_tells_what_remains() -> None:
    world = World(Limits(Rate(1, 1), Budget(100)))
    world.serve()
    with pytest.raises(RateLimited) as caught:
        world.admit()
    quotas = [(quota.name, quota.remaining) for quota in caught.value.quotas]
    assert quotas == [("requests", 0), ("units", 97)]


def test_changed_limits_count_at_once() -> None:
    world = World(Limits(Rate(1, 1), Budget(3)))
    world.serve()
    world.limit(Limits(Rate(1, 2), Budget(6)))
    world.serve()
    with pytest.raises(RateLimited, match="2 at once"):
        world.admit()


def test_another_measure_begins_at_nothing() -> None:
    world = World(budget(3))
    world.serve()
    world.limit(budget(1, Measure.REQUEST))
    world.serve()
    with pytest.raises(BudgetSpent, match="1 requests"):
        world.admit()


def test_a_lease_that_ended_while_another_was_renewed_is_renewed_too() -> None:
    world = World(budget(100_000), budget(10_000))
    permit = world.admit()
    world.clock.now += 59
    take = world.budgets.take

    def slow(*arguments: Any) -> Refused | None:
        world.clock.now += 2
        return take(*arguments)

    world.budgets.take = slow  # type: ignore[method-assign]
    # The key's lease has room for it, the tenant's has not.
    names = permit.lease(ROWS._replace(units=300)).split(",")
    for name in names:
        assert world.clock.now * 1000 < world.budgets.leases[name].expires_ms
