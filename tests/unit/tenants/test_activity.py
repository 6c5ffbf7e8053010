"""Last uses: seldom written, never in the way."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest

from infermeter.errors import StoreUnavailable
from infermeter.tenants.activity import WRITE_BUDGET_S, WRITE_EVERY_S, Activity
from tests.ports import NOW, Clock


@dataclass
class MemoryUses:
    """The `LastUses` as a list of writes."""

    writes: list[tuple[str, int]] = field(default_factory=list)
    broken: bool = False

    def used(self, key_id: str, at: int) -> None:
        self.writes.append((key_id, at))
        if self.broken:
            raise StoreUnavailable("limits table: gone")


class Desk:
    """Activity over memory."""

    def __init__(self) -> None:
        self.clock, self.store = Clock(), MemoryUses()
        self.activity = Activity(self.store, self.clock)

    def use(self, *keys: str, deadline: float = math.inf) -> None:
        for key in keys:
            self.activity.note(key)
        self.activity.flush_due(deadline)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_first_use_is_written_at_once(desk: Desk) -> None:
    desk.use("k")
    assert desk.store.writes == [("k", int(NOW))]


def test_each_key_is_written_once_a_minute(desk: Desk) -> None:
    for _ in range(121):
        desk.use("k", "l")
        desk.clock.now += 1
    expected = [(key, int(NOW) + at) for at in (0, 60, 120) for key in ("k", "l")]
    assert desk.store.writes == expected


def test_a_use_within_the_minute_is_written_with_a_later_request(desk: Desk) -> None:
    desk.use("k")
    desk.clock.now += 10
    desk.use("k")
    desk.clock.now += WRITE_EVERY_S
    desk.use("l")
    assert desk.store.writes[1:] == [("k", int(NOW) + 10), ("l", int(NOW) + 70)]


def test_without_time_nothing_is_written_until_there_is(desk: Desk) -> None:
    desk.use("k", deadline=NOW + WRITE_BUDGET_S - 0.1)
    assert desk.store.writes == []
    desk.use()
    assert desk.store.writes == [("k", int(NOW))]


def test_a_store_that_fails_delays_one_answer_a_minute(desk: Desk) -> None:
    desk.store.broken = True
    desk.use("k")
    desk.use("k")
    assert len(desk.store.writes) == 1
    desk.clock.now += WRITE_EVERY_S
    desk.use("k")
    assert len(desk.store.writes) == 2
