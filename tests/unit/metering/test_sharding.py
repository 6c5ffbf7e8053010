"""Where an entry lies, whatever changes of shards a tenant's ledger has seen."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from infermeter.adapters.ledger import _row
from infermeter.errors import InvalidRequest
from infermeter.metering.hours import HOUR_MS, after, hour_of
from infermeter.metering.ids import FUTURE_S, derive_id
from infermeter.metering.sharding import (
    ONE_SHARD,
    SHARD_COUNTS,
    ShardChange,
    Sharding,
    first_open,
)
from tests.unit.metering.test_fold import charge

NOW_MS = 1_790_000_000_000
# A row is remembered for 30 s, and what was authenticated by it may run for 15 min.
STALE_MS = (30 + 15 * 60) * 1000
# AWS answers nobody whose clock is wrong by more.
SKEW_MS = 15 * 60 * 1000

# Coarse, so that what is an hour apart is met.
STEP_MS = 5 * 60 * 1000
skews = st.sampled_from([-SKEW_MS, 0, SKEW_MS])
stales = st.sampled_from([0, STALE_MS])
ages = st.sampled_from([FUTURE_S * 1000, 0]) | st.integers(-24 * HOUR_MS, 0)
acts = st.lists(
    st.tuples(st.integers(0, 36), st.sampled_from(SHARD_COUNTS), skews), min_size=2, max_size=6
)
# Each soon after one of the changes, or long after it.
moments = st.tuples(st.integers(0, 6), st.integers(-3, 12) | st.integers(12, 300))
attempts = st.lists(st.tuples(moments, stales, ages, skews), min_size=1, max_size=10)
# A failing history is shown as it was found: shrinking takes minutes.
found = settings(phases=[phase for phase in Phase if phase is not Phase.shrink])


def rows_of(changes: list[tuple[int, int, int]]) -> list[tuple[int, Sharding]]:
    """The tenant's row, from each of its times on."""
    now, rows = NOW_MS, [(0, ONE_SHARD)]
    for passed, count, skew in changes:
        now += passed * STEP_MS
        rows.append((now, rows[-1][1].changed(count, now + skew)))
    return rows


def known(rows: list[tuple[int, Sharding]], at: int, stale: int) -> Sharding:
    """What is known at a time by who looked so long before."""
    return [row for since, row in rows if since <= at - stale][-1]


def time_of(rows: list[tuple[int, Sharding]], moment: tuple[int, int]) -> int:
    index, steps = moment
    return (rows[min(index, len(rows) - 1)][0] or NOW_MS) + steps * STEP_MS


@found
@given(acts, attempts)
def test_whoever_asks_whenever_finds_the_same_place(changes: list, puts: list) -> None:
    rows = rows_of(changes)
    last = rows[-1][1]
    for moment, stale, age, skew in puts:
        put_ms = time_of(rows, moment)
        hour = hour_of(put_ms + skew + age)
        assert known(rows, put_ms, stale).count(hour) == last.count(hour)


@found
@given(acts, attempts, st.just(0) | st.integers(0, 14 * 24 * HOUR_MS), stales, st.text(max_size=5))
def test_a_retry_in_any_later_hour_meets_its_first_attempt(
    changes: list, puts: list, waited: int, stale_then: int, seed: str
) -> None:
    rows = rows_of(changes)
    for moment, stale, age, _ in puts:
        put_ms = time_of(rows, moment)
        first = charge(request_id=derive_id(put_ms + age, seed), committed_ms=put_ms)
        again = replace(first, committed_ms=put_ms + waited, nonce="another")
        place = _row(first, known(rows, put_ms, stale))["pk"]
        assert _row(again, known(rows, put_ms + waited, stale_then))["pk"] == place


@given(acts)
def test_changes_are_in_order_and_each_changes_something(changes: list) -> None:
    last = rows_of(changes)[-1][1]
    for earlier, later in pairwise((ShardChange("", 1), *last.changes)):
        assert earlier.hour < later.hour
        assert earlier.shards != later.shards


def test_a_change_begins_at_least_two_whole_hours_later() -> None:
    last_ms = NOW_MS - NOW_MS % HOUR_MS + HOUR_MS - 1
    assert first_open(last_ms) == hour_of(last_ms + 1 + 2 * HOUR_MS)
    changed = ONE_SHARD.changed(16, last_ms)
    assert changed.count(hour_of(last_ms + 2 * HOUR_MS)) == 1
    assert changed.count(hour_of(last_ms + 1 + 2 * HOUR_MS)) == 16


def test_a_second_change_takes_the_place_of_one_that_is_an_hour_away() -> None:
    first = ONE_SHARD.changed(16, NOW_MS)
    later = NOW_MS + HOUR_MS
    assert first.changed(256, later) == Sharding((ShardChange(first_open(later), 256),))
    assert first.changed(1, later) == ONE_SHARD


def test_a_change_that_is_near_takes_effect_before_a_second_one() -> None:
    first = ONE_SHARD.changed(16, NOW_MS)
    later = NOW_MS + 2 * HOUR_MS
    assert first.changed(1, later).changes == (*first.changes, ShardChange(first_open(later), 1))


def test_the_same_change_again_puts_nothing_off() -> None:
    first = ONE_SHARD.changed(16, NOW_MS)
    assert first.changed(16, NOW_MS + HOUR_MS) == first
    assert ONE_SHARD.changed(1, NOW_MS) == ONE_SHARD


@pytest.mark.parametrize("count", [0, 2, 255, 1000, -1])
def test_other_counts_are_refused(count: int) -> None:
    with pytest.raises(InvalidRequest, match=f"expected one of 1, 16, 256, got {count}"):
        ONE_SHARD.changed(count, NOW_MS)


@pytest.mark.parametrize("count", SHARD_COUNTS)
def test_a_shard_is_the_hashs_first_byte_modulo_the_count(count: int) -> None:
    sharding = Sharding((ShardChange("2026010100", count),))
    for byte in range(256):
        digest = f"{byte:02x}".ljust(64, "f")
        assert sharding.shard("2026010100", digest) == byte % count
        assert sharding.shard(after("2026010100", -1), digest) == 0
