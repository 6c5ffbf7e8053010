"""What the one path counts, call by call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from infermeter.errors import DeadlineExceeded, InfermeterError, LedgerUnavailable
from tests.ports import NOW, MemoryLedger, World
from tests.unit.test_service import call, deliver

if TYPE_CHECKING:
    from infermeter.metering.ledger import LedgerEntry
    from infermeter.statistics.counters import Counters


@pytest.fixture
def world() -> World:
    made = World(MemoryLedger())
    made.publish(2.0)
    return made


def counted(world: World, version: str = "1", model: str = "scaling") -> Counters:
    return world.service.statistics.of_model(model, NOW + 60)[version]


def test_a_call_alone(world: World) -> None:
    world.service.infer(replace(call([[1, 2]] * 3), queued_s=1.5, decoded_s=0.25), deliver)
    counters = counted(world)
    assert (counters.inferences, counters.executions, counters.successes) == (3, 1, 1)
    assert counters.failures == 0
    assert counters.queue_ns == 1_500_000_000
    assert counters.input_ns > 250_000_000
    assert min(counters.infer_ns, counters.output_ns) > 0
    parts = counters.queue_ns + counters.input_ns + counters.infer_ns + counters.output_ns
    assert counters.success_ns > parts
    assert counters.last_ms == NOW * 1000


def test_stacked_calls_are_one_execution(world: World) -> None:
    calls = [call([[1, 2]], id="1"), call([[3, 4]] * 2, id="2"), call([[5, 6]], id="3")]
    world.service.infer_batch(calls, deliver)
    counters = counted(world)
    assert (counters.inferences, counters.executions, counters.successes) == (4, 1, 3)
    (batch,) = counters.batches.values()
    assert list(counters.batches) == [4]
    assert batch.executions == 1
    assert batch.infer_ns == pytest.approx(counters.infer_ns, abs=len(calls))


def test_a_call_that_spoils_a_stack_fails_alone(world: World) -> None:
    world.service.infer_batch([call([[1, 2]], id="1"), call([[-1, 2]], id="2")], deliver)
    counters = counted(world)
    assert (counters.successes, counters.failures, counters.executions) == (1, 1, 1)


def test_a_tensor_that_does_not_fit_fails_without_a_run(world: World) -> None:
    wrong = replace(call([]).request, inputs=())
    with pytest.raises(InfermeterError):
        world.service.infer(replace(call([]), request=wrong), deliver)
    counters = counted(world)
    assert (counters.failures, counters.executions, counters.inferences) == (1, 0, 0)


def test_an_unknown_model_counts_nowhere(world: World) -> None:
    for nobody in (call([[1, 2]], model="nobody"), replace(call([[1, 2]]), version="9")):
        with pytest.raises(InfermeterError):
            world.service.infer(nobody, deliver)
    assert world.service.statistics.of_model("nobody", NOW + 60) == {}
    assert world.statistics.writes == []


def test_an_answer_that_comes_too_late_is_a_failure_that_ran(world: World) -> None:
    with pytest.raises(DeadlineExceeded):
        world.service.infer(replace(call([[1, 2]]), deadline=NOW), deliver)
    counters = counted(world)
    assert (counters.failures, counters.successes, counters.executions) == (1, 0, 1)


def test_an_answer_that_cannot_be_charged_is_a_failure_that_ran() -> None:
    class Down(MemoryLedger):
        def put(self, _: LedgerEntry) -> LedgerEntry | None:
            raise LedgerUnavailable

    world = World(Down())
    world.publish(2.0)
    with pytest.raises(LedgerUnavailable):
        world.service.infer(call([[1, 2]]), deliver)
    counters = counted(world)
    assert (counters.failures, counters.successes, counters.executions) == (1, 0, 1)


def test_a_replay_runs_and_is_counted_for_the_version_that_answered(world: World) -> None:
    world.service.infer(call([[1, 2]]), deliver)
    world.publish(3.0)
    world.service.statistics.flush(NOW + 60)
    world.restart()
    world.service.infer(call([[1, 2]]), deliver)
    first, second = counted(world), counted(world, "2")
    assert (first.successes, first.executions) == (2, 2)
    assert (second.successes, second.failures, second.executions) == (0, 0, 1)
