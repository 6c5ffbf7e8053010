"""Budgets by leases: never more than the limit, and the right word when it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from infermeter.errors import BudgetLeased, BudgetSpent, StoreUnavailable
from infermeter.limits.budget import LIFETIME_S, REFUSAL_S, BudgetLeases
from infermeter.limits.leases import Account, Ended, Totals
from infermeter.limits.outage import PAUSE_S, Outage
from infermeter.limits.periods import month_of
from infermeter.limits.terms import Budget
from infermeter.metering.measures import Measure
from tests.ports import NOW, Clock
from tests.unit.limits.tables import MemoryBudgets

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT = Account("K#a", month_of(NOW), Measure.UNIT)


@dataclass
class World:
    """Environments over one table, with one clock."""

    amount: int
    table: MemoryBudgets = field(default_factory=MemoryBudgets)
    clock: Clock = field(default_factory=Clock)

    def environment(self, measure: Measure = Measure.UNIT) -> BudgetLeases:
        budget = Budget(self.amount, measure)
        return BudgetLeases("key", "K#a", "acme", budget, self.table, self.clock, Outage())

    @property
    def leased(self) -> int:
        return self.table.leased[ACCOUNT]

    @property
    def settled(self) -> int:
        return self.table.settled[ACCOUNT]


def spend(environment: BudgetLeases, amount: int) -> str:
    hold = environment.hold(amount, amount)
    lease = hold.secure(amount)
    hold.settle(amount)
    return lease


def unanswered(give_back: Callable[..., Any]) -> Callable[..., None]:
    """It is done, and nobody is told."""

    def done(ended: Any) -> None:
        give_back(ended)
        raise StoreUnavailable("limits table")

    return done


def test_one_environment_spends_all_and_not_one_more() -> None:
    world = World(1234)
    environment = world.environment()
    for _ in range(1234):
        spend(environment, 1)
    with pytest.raises(BudgetSpent, match=r"key: expected at most 1234 units in 2026-09") as caught:
        spend(environment, 1)
    assert (world.leased, world.settled) == (1234, 1234)
    assert not world.table.leases
    assert not caught.value.retryable


def test_a_lease_is_a_hundredth_of_the_limit_at_most_and_shrinks() -> None:
    world = World(10_000)
    environment = world.environment()
    for _ in range(10_000):
        spend(environment, 1)
    sizes = [lease.size for lease in world.table.taken]
    assert max(sizes) == 100
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1
    assert len(sizes) < 250


def test_a_lease_grows_to_what_one_request_needs() -> None:
    world = World(5_000)
    environment = world.environment()
    spend(environment, 1)
    for _ in range(4):
        spend(environment, 1_000)
    spend(environment, 999)
    with pytest.raises(BudgetSpent):
        spend(environment, 1)
    assert world.settled == 5_000


def test_more_than_the_limit_is_never_served() -> None:
    world = World(100)
    with pytest.raises(BudgetSpent, match="what is left is less than this request takes"):
        spend(world.environment(), 101)
    assert world.leased == 0


def test_what_others_hold_is_leased_and_not_spent() -> None:
    world = World(10)
    holders = [world.environment() for _ in range(10)]
    holds = [each.hold(1, 1) for each in holders]
    last = world.environment()
    with pytest.raises(BudgetLeased) as caught:
        last.hold(1, 1)
    assert caught.value.retry_after_s == REFUSAL_S
    # One of them turns out not to be charged; its environment's next request gives it back.
    holds[0].settle(0)
    world.clock.now += LIFETIME_S
    spend(holders[0], 1)
    for hold in holds[1:]:
        hold.secure(1)
        hold.settle(1)
    world.clock.now += REFUSAL_S
    for each in holders:
        with pytest.raises((BudgetLeased, BudgetSpent)):
            each.hold(1, 1)
    with pytest.raises(BudgetSpent):
        last.hold(1, 1)
    assert world.settled == 10


def test_what_idle_environments_spent_is_known_as_spent() -> None:
    world = World(10)
    for holder in [world.environment() for _ in range(10)]:
        spend(holder, 1)
        holder.settle_spent()
    with pytest.raises(BudgetSpent):
        world.environment().hold(1, 1)
    assert (world.leased, world.settled) == (10, 10)
    assert not world.table.leases


def test_a_lease_that_is_not_spent_whole_is_kept() -> None:
    world = World(1_000)
    environment = world.environment()
    first = spend(environment, 1)
    environment.settle_spent()
    open_hold = environment.hold(9, 9)
    environment.settle_spent()
    assert world.settled == 0
    assert open_hold.secure(9) == first


def test_what_cannot_be_settled_now_is_told_with_the_next_lease() -> None:
    world = World(2)
    environment = world.environment()
    spend(environment, 1)
    give_back = world.table.give_back
    world.table.give_back = unanswered(give_back)  # type: ignore[method-assign]
    environment.settle_spent()
    assert world.settled == 1
    world.table.give_back = give_back  # type: ignore[method-assign]
    world.clock.now += PAUSE_S
    spend(environment, 1)
    environment.settle_spent()
    assert (world.leased, world.settled) == (2, 2)
    assert environment.quota().remaining == 0


def test_a_refusal_stands_for_a_while_without_asking() -> None:
    world = World(1)
    environment = world.environment()
    spend(environment, 1)
    for _ in range(100):
        with pytest.raises(BudgetSpent):
            environment.hold(1, 1)
    assert world.table.reads == 2


def test_a_large_requests_refusal_does_not_stop_small_ones() -> None:
    world = World(100)
    environment = world.environment()
    spend(environment, 50)
    with pytest.raises(BudgetSpent):
        environment.hold(51, 51)
    spend(environment, 50)


def test_a_raised_limit_counts_at_once() -> None:
    world = World(1)
    environment = world.environment()
    spend(environment, 1)
    with pytest.raises(BudgetSpent):
        environment.hold(1, 1)
    environment.change(Budget(2))
    spend(environment, 1)


def test_nothing_is_committed_on_a_lease_that_has_expired() -> None:
    world = World(10_000)
    environment = world.environment()
    hold = environment.hold(5, 5)
    first = hold.secure(5)
    world.clock.now += LIFETIME_S
    second = hold.secure(5)
    assert first != second
    hold.settle(5)
    world.clock.now += LIFETIME_S
    spend(environment, 1)
    # Of the two leases that ended, the first was not spent from.
    assert world.settled == 5


def test_a_lease_ends_with_its_month() -> None:
    world = World(1_000)
    turn = datetime(2026, 10, 1, tzinfo=UTC).timestamp()
    world.clock.now = turn - 1
    environment = world.environment()
    hold = environment.hold(3, 3)
    (lease,) = world.table.leases.values()
    assert lease.expires_ms == turn * 1000
    world.clock.now = turn
    hold.secure(3)
    hold.settle(3)
    october = Account("K#a", "202610", Measure.UNIT)
    assert (world.leased, world.settled) == (0, 0)
    assert world.table.leased[october] == 10
    assert environment.quota().remaining == 997


def test_a_refusal_ends_with_its_month() -> None:
    world = World(10)
    world.clock.now = datetime(2026, 9, 30, 23, 59, 58, tzinfo=UTC).timestamp()
    environment = world.environment()
    spend(environment, 10)
    with pytest.raises(BudgetSpent):
        spend(environment, 1)
    world.clock.now += REFUSAL_S - 1
    spend(environment, 1)


def test_more_than_was_set_aside_is_taken_before_the_put() -> None:
    world = World(1_000)
    environment = world.environment(Measure.MILLISECOND)
    hold = environment.hold(1, 1)
    hold.secure(500)
    hold.settle(500)
    hold = environment.hold(1, 1)
    with pytest.raises(BudgetSpent):
        hold.secure(501)
    hold.settle(0)
    spend(environment, 500)


def test_what_is_taken_before_the_put_is_nobody_elses() -> None:
    world = World(1_000)
    environment = world.environment()
    first, second = environment.hold(1, 1), environment.hold(1, 1)
    lease = first.secure(6)
    assert second.secure(4) == lease
    third = environment.hold(1, 1)
    assert third.secure(1) != lease


def test_a_lease_that_may_have_been_given_back_is_not_spent_from() -> None:
    world = World(1_000)
    environment = world.environment()
    first = spend(environment, 1)
    take = world.table.take

    def lose(*arguments: Any) -> None:
        take(*arguments)
        raise StoreUnavailable("limits table")

    world.table.take = lose  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        environment.hold(100, 100)
    assert first not in world.table.leases
    world.table.take = take  # type: ignore[method-assign]
    world.clock.now += 1
    assert spend(environment, 1) in world.table.leases


def test_a_lease_without_an_answer_is_asked_for_again_and_is_one() -> None:
    world = World(1_000)
    environment = world.environment()
    first = spend(environment, 4)
    world.clock.now += LIFETIME_S
    take = world.table.take

    def lose(*arguments: Any) -> None:
        take(*arguments)
        raise StoreUnavailable("limits table")

    world.table.take = lose  # type: ignore[method-assign]
    for _ in range(20):
        with pytest.raises(StoreUnavailable):
            environment.hold(1, 1)
        world.clock.now += 2 * PAUSE_S
    world.table.take = take  # type: ignore[method-assign]
    assert world.leased == 4 + 10
    (lease,) = world.table.leases
    assert spend(environment, 1) == lease != first
    assert (world.leased, world.settled) == (14, 4)


@pytest.mark.parametrize("why", ["size", "age", "limit"])
def test_a_lease_without_an_answer_that_is_of_no_use_is_left(why: str) -> None:
    world = World(1_000)
    environment = world.environment()
    take = world.table.take

    def lose(*arguments: Any) -> None:
        take(*arguments)
        raise StoreUnavailable("limits table")

    world.table.take = lose  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        environment.hold(1, 1)
    world.table.take = take  # type: ignore[method-assign]
    (lost,) = world.table.leases
    world.clock.now += LIFETIME_S if why == "age" else 2 * PAUSE_S
    if why == "limit":
        environment.change(Budget(500))
    assert spend(environment, 11 if why == "size" else 1) != lost
    assert lost in world.table.leases


def test_a_lease_that_was_not_taken_and_cannot_be_as_it_was_gives_way_to_another() -> None:
    world = World(1_000)
    environment = world.environment()
    spend(environment, 4)
    world.clock.now += LIFETIME_S
    take, unavailable = world.table.take, [StoreUnavailable("limits table")]

    def refuse(*arguments: Any) -> Any:
        if unavailable:
            raise unavailable.pop()
        return take(*arguments)

    world.table.take = refuse  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        environment.hold(1, 1)
    # The one to be given back with it is reclaimed meanwhile.
    (ended,) = world.table.leases.values()
    world.table.give_back([Ended(ended, 4)])
    world.clock.now += 2 * PAUSE_S
    spend(environment, 1)
    assert (world.leased, world.settled) == (14, 4)


def test_what_another_took_since_it_was_read_is_read_again() -> None:
    world = World(1_600)
    ours, theirs = world.environment(), world.environment()
    totals = world.table.totals

    def overtaken(account: Account) -> Totals:
        read = totals(account)
        world.table.totals = totals  # type: ignore[method-assign]
        theirs.hold(1_590, 1_590)
        return read

    world.table.totals = overtaken  # type: ignore[method-assign]
    ours.hold(1, 1)
    assert [lease.size for lease in world.table.taken] == [1_590, 1]
    assert world.leased == 1_591


def test_the_most_is_set_aside_until_it_is_known_what_requests_take() -> None:
    world = World(1_000_000)
    environment = world.environment(Measure.MILLISECOND)
    first = environment.hold(1, 29_000)
    assert environment.quota().remaining == 990_000
    first.secure(10)
    first.settle(10)
    assert environment.quota().remaining == 999_990
    for _ in range(10):
        hold = environment.hold(1, 29_000)
        assert environment.quota().remaining > 999_700
        hold.secure(10)
        hold.settle(10)
    assert len(world.table.taken) == 1


def test_a_clock_that_was_set_back_ends_the_lease() -> None:
    world = World(1_000)
    environment = world.environment()
    first = spend(environment, 1)
    world.clock.now -= 3600
    assert spend(environment, 1) != first


def test_open_permits_keep_their_lease_from_being_given_back() -> None:
    world = World(1_000)
    environment = world.environment()
    held = environment.hold(4, 4)
    spend(environment, 100)  # more than its lease has
    assert world.leased == 10 + 100
    held.secure(4)
    held.settle(4)
    spend(environment, 100)
    assert world.settled == 104


def test_a_table_that_does_not_answer_refuses_and_is_left_alone_for_a_second() -> None:
    world = World(1_000)
    environment = world.environment()
    world.table.answers = False
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            environment.hold(1, 1)
    assert world.table.reads == 1
    world.table.answers = True
    world.clock.now += 1
    spend(environment, 1)


@pytest.mark.parametrize(
    ("measure", "name"),
    [
        (Measure.UNIT, "units"),
        (Measure.TOKEN, "tokens"),
        (Measure.REQUEST, "monthly-requests"),
        (Measure.BYTE_OUT, "bytes-out"),
        (Measure.BYTE, "bytes"),
    ],
)
def test_a_budget_is_named_by_its_measure(measure: Measure, name: str) -> None:
    quota = World(7).environment(measure).quota()
    assert (quota.name, quota.limit, quota.remaining) == (name, 7, 7)
    assert quota.window_s == 30 * 24 * 3600
    assert 0 < quota.reset_s < quota.window_s
