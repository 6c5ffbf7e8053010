"""How often counts are written, and what becomes of them when they cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import StoreUnavailable
from infermeter.registry.catalog import ModelVersion
from infermeter.statistics.buffer import FLUSH_S, WRITE_BUDGET_S, StatisticsBuffer, Unkept
from tests.ports import NOW, Clock, MemoryStatistics

if TYPE_CHECKING:
    from infermeter.statistics.counters import Counters

ONE, TWO = (ModelVersion("m", number, "sha256:0", 1, 0) for number in "12")
LATER = NOW + 10**6


@dataclass
class Environment:
    """A buffer with its store and its clock."""

    store: MemoryStatistics = field(default_factory=MemoryStatistics)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.buffer = StatisticsBuffer(self.store, self.clock)

    def serve(self, version: ModelVersion = ONE, deadline: float = LATER) -> None:
        self.buffer.of(version).fail(0.0, 1)
        self.buffer.flush_due(deadline)

    def written(self) -> int:
        return sum(counters.failures for counters in self.store.sums.values())


class Broken(MemoryStatistics):
    """A store that is down."""

    def add(self, model: str, version: str, counters: Counters) -> None:
        super().add(model, version, counters)
        raise StoreUnavailable("statistics table: down; retry")


@pytest.fixture
def environment() -> Environment:
    return Environment()


@given(st.lists(st.tuples(st.floats(0, 2 * FLUSH_S), st.sampled_from([ONE, TWO])), max_size=60))
def test_each_version_is_written_once_an_interval_at_most_and_nothing_is_lost(
    requests: list[tuple[float, ModelVersion]],
) -> None:
    environment = Environment()
    for pause, version in requests:
        environment.clock.now += pause
        environment.serve(version)
    elapsed = environment.clock.now - NOW
    for version in (ONE, TWO):
        assert environment.store.writes.count(version.version) <= elapsed / FLUSH_S
    environment.buffer.flush(LATER)
    assert environment.written() == len(requests)


def test_the_first_request_writes_nothing(environment: Environment) -> None:
    environment.serve()
    assert environment.store.writes == []


def test_what_was_held_for_the_interval_is_written_by_the_next_request(
    environment: Environment,
) -> None:
    environment.serve()
    environment.clock.now += FLUSH_S
    environment.serve()
    assert environment.written() == 2


def test_without_requests_nothing_is_written(environment: Environment) -> None:
    environment.serve()
    environment.buffer.flush(LATER)
    environment.clock.now += FLUSH_S
    environment.buffer.flush_due(LATER)
    environment.buffer.flush(LATER)
    assert environment.store.writes == ["1"]


def test_an_answer_that_has_no_time_left_is_not_kept_waiting(environment: Environment) -> None:
    environment.serve()
    environment.clock.now += FLUSH_S
    environment.serve(deadline=environment.clock.now + WRITE_BUDGET_S / 2)
    assert environment.store.writes == []
    environment.serve()
    assert environment.written() == 3


def test_a_store_that_is_down_is_asked_once_an_interval(
    caplog: pytest.LogCaptureFixture,
) -> None:
    environment = Environment(Broken())
    for _ in range(3):
        environment.serve(ONE)
        environment.serve(TWO)
        environment.clock.now += FLUSH_S - 1
    assert len(environment.store.writes) == 1
    assert "statistics" in caplog.text


def test_what_a_store_may_have_added_is_not_added_again(environment: Environment) -> None:
    broken = Environment(Broken())
    broken.serve()
    broken.buffer.flush(LATER)
    broken.buffer.flush(LATER)
    assert broken.written() == 1


def test_who_reads_sees_what_the_environment_holds(environment: Environment) -> None:
    environment.serve()
    assert environment.buffer.of_model("m", LATER)["1"].failures == 1


def test_without_a_store_nothing_is_kept() -> None:
    buffer = StatisticsBuffer(Unkept(), Clock())
    buffer.of(ONE).fail(0.0, 1)
    assert buffer.of_model("m", LATER) == {}
