"""What is counted, in which terms."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infermeter.statistics.counters import (
    EXACT_BATCHES,
    BatchCounters,
    Counters,
    Passage,
    batch_class,
)

PASSAGE = Passage(ended_ms=5, total_s=15.0, queue_s=1.0, input_s=2.0, infer_s=4.0, output_s=8.0)
S = 10**9


def test_a_call_counts_once_and_its_rows_each() -> None:
    counters = Counters()
    counters.execute(3, 4.0)
    counters.succeed(PASSAGE, rows=3, run_rows=3)
    assert counters == Counters(
        inferences=3,
        executions=1,
        successes=1,
        success_ns=15 * S,
        queue_ns=1 * S,
        input_ns=2 * S,
        infer_ns=4 * S,
        output_ns=8 * S,
        last_ms=5,
        batches={3: BatchCounters(executions=1, input_ns=2 * S, infer_ns=4 * S, output_ns=8 * S)},
    )


def test_calls_that_ran_stacked_are_one_execution_of_their_rows_together() -> None:
    counters = Counters()
    counters.execute(5, 8.0)
    counters.succeed(PASSAGE, rows=3, run_rows=5)
    counters.succeed(PASSAGE, rows=2, run_rows=5)
    assert (counters.inferences, counters.executions, counters.successes) == (5, 1, 2)
    assert counters.batches == {
        5: BatchCounters(1, input_ns=4 * S, infer_ns=8 * S, output_ns=16 * S)
    }


def test_a_failure_is_no_inference() -> None:
    counters = Counters()
    counters.fail(7.0, 9)
    assert counters == Counters(failures=1, failure_ns=7 * S, last_ms=9)


def test_a_run_over_no_rows_has_no_batch_size() -> None:
    counters = Counters()
    counters.execute(0, 4.0)
    counters.succeed(PASSAGE, rows=0, run_rows=0)
    assert (counters.executions, counters.successes, counters.batches) == (1, 1, {})


@given(st.integers(1, 2**40))
def test_a_batch_class_holds_its_rows_and_not_twice_as_many(rows: int) -> None:
    size = batch_class(rows)
    assert rows <= size < 2 * rows
    if rows <= EXACT_BATCHES:
        assert size == rows
    assert batch_class(size) == size
