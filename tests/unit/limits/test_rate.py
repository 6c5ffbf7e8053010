"""Rates by leases: the stated bound, over the real code and many environments."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infermeter.errors import RateLimited, StoreUnavailable
from infermeter.limits.outage import Outage
from infermeter.limits.rate import LEASE_S, RateLeases
from infermeter.limits.terms import Rate
from tests.ports import NOW, Clock
from tests.unit.limits.tables import MemoryRates


@dataclass
class World:
    """Environments whose clocks differ, over one table."""

    rate: Rate
    skews: list[float]
    table: MemoryRates = field(default_factory=MemoryRates)
    true: Clock = field(default_factory=Clock)
    admitted: list[float] = field(default_factory=list)
    refused: list[RateLimited] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.environments = [self._environment(skew) for skew in self.skews]

    def _environment(self, skew: float) -> RateLeases:
        def clock() -> float:
            return self.true.now + skew

        return RateLeases("key", "K#a", self.rate, self.table, clock, Outage())

    def ask(self, environment: int = 0) -> bool:
        try:
            self.environments[environment].take()
        except RateLimited as error:
            self.refused.append(error)
            return False
        self.admitted.append(self.true.now)
        return True

    def burst(self, environment: int = 0, most: int = 10_000) -> int:
        """Asks until refused; how many were admitted."""
        return next((count for count in range(most) if not self.ask(environment)), most)


def alone(per_s: float, burst: int) -> World:
    return World(Rate(per_s, burst), [0.0])


def check_bound(world: World, skew: float) -> None:
    times, rate = world.admitted, world.rate
    for first, start in enumerate(times):
        for last in range(first, len(times)):
            window = times[last] - start
            bound = rate.burst + rate.per_s * (window + LEASE_S + 2 * skew)
            # A cost is rounded to a microsecond.
            assert last - first + 1 <= bound + 1e-6 * rate.per_s + 1e-6, (start - NOW, window)


@given(
    per_s=st.sampled_from([0.3, 2, 7, 30]),
    burst=st.sampled_from([1, 3, 20]),
    skew=st.sampled_from([0.0, 0.05, 0.5]),
    environments=st.integers(1, 12),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=150, deadline=None)
def test_no_window_admits_more_than_the_bound(
    per_s: float, burst: int, skew: float, environments: int, seed: int
) -> None:
    random = Random(seed)  # noqa: S311
    skews = [random.uniform(-skew, skew) for _ in range(environments)]
    world = World(Rate(per_s, burst), skews)
    for _ in range(4):
        # Environments fill their leases one by one, with time between for the rate to recover;
        # then all ask at once: what they hold must not add up.
        for each in random.choices(range(environments), k=2 * environments):
            world.true.now += random.choice([0, 0.1, 1]) * burst / per_s
            world.burst(each, random.choice([1, 2, 3, burst]))
        world.true.now += random.choice([0, LEASE_S, 5 * LEASE_S])
        for each in range(environments):
            world.burst(each, 2 * burst)
    check_bound(world, skew)


def test_leases_that_are_hoarded_do_not_add_up() -> None:
    world = World(Rate(4, 4), [0.0] * 8)
    for each in range(8):
        world.true.now += 10
        assert world.burst(each) == 4
        world.true.now += 10
        # What it took of the bucket, it keeps for a second at most.
        world.ask(each)
        world.ask(each)
    world.true.now += 30
    assert sum(world.burst(each) for each in range(8)) <= 4 + 4 * LEASE_S
    check_bound(world, 0.0)


def test_a_burst_then_the_rate() -> None:
    world = alone(2, 5)
    assert world.burst() == 5
    world.true.now += 10
    assert world.burst() == 5
    for _ in range(20):
        world.true.now += 0.5001
        assert world.ask()
        assert not world.ask()


@pytest.mark.parametrize("per_s", [3, 7, 0.7, 999.0])
def test_one_at_a_time_is_admitted_at_a_rate_that_is_no_whole_time(per_s: float) -> None:
    world = alone(per_s, 1)
    for _ in range(10):
        assert world.ask()
        assert not world.ask()
        world.true.now += 1 / per_s + 2e-6


def test_a_refusal_says_when_to_come_back_and_then_admits() -> None:
    world = alone(2, 1)
    assert world.burst() == 1
    (refusal,) = world.refused
    assert 0.4 < refusal.retry_after_s <= 0.5
    assert "2 requests/s, 1 at once" in str(refusal)
    world.true.now += refusal.retry_after_s + 1e-6
    assert world.ask()


def test_a_flood_costs_no_writes() -> None:
    world = alone(2, 5)
    world.burst()
    before = world.table.writes
    for _ in range(1000):
        world.true.now += 0.0001
        assert not world.ask()
    assert world.table.writes == before


def test_steady_use_costs_a_write_a_second() -> None:
    world = alone(100, 100)
    for _ in range(1000):
        world.true.now += 0.02
        assert world.ask()
    # 20 s, and some while the size of a lease is learnt.
    assert world.table.writes <= 20 + 10


def test_a_lease_takes_two_writes_at_most() -> None:
    world = World(Rate(100, 100), [0.0, 0.0])
    world.burst(0, 20)
    before = world.table.writes
    world.ask(1)  # knows of no TAT yet
    assert world.table.writes == before + 2


def test_what_remains_is_told() -> None:
    world = alone(10, 20)
    world.ask()
    quota = world.environments[0].quota()
    assert (quota.name, quota.limit, quota.remaining, quota.window_s) == ("requests", 20, 19, 2)
    assert quota.reset_s == pytest.approx(0.1, abs=1e-4)
    world.burst()
    assert world.environments[0].quota().remaining == 0


def test_of_a_burst_that_is_back_within_a_second_a_seconds_worth_is_told() -> None:
    quota = alone(100, 10).environments[0].quota()
    assert (quota.limit, quota.window_s) == (100, 1)


def test_what_was_given_back_is_taken_again() -> None:
    world = alone(1, 1)
    world.ask()
    world.environments[0].give_back()
    assert world.ask()
    assert not world.ask()


def test_a_raised_rate_does_not_wait_for_what_was_taken_at_the_old_one() -> None:
    world = alone(0.01, 10)
    world.burst()
    faster = World(Rate(10, 20), [0.0], world.table)
    assert faster.burst() == 20


def test_a_clock_that_was_set_back_ends_the_lease() -> None:
    world = alone(1000, 1000)
    world.burst(0, 100)
    world.true.now -= 5
    before = world.table.writes
    assert not world.ask()
    assert world.table.writes == before


def test_a_table_that_does_not_answer_refuses_and_is_left_alone_for_a_second() -> None:
    world = alone(10, 10)
    world.table.answers = False
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            world.ask()
        world.true.now += 0.1
    assert world.table.writes == 1
    world.table.answers = True
    world.true.now += 1
    assert world.ask()
