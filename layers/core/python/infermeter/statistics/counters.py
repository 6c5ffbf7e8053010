"""What one version of a model was asked, and where the time went: whole numbers that add up.

The terms are those of Triton's `extension_statistics.md`. All durations are in nanoseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# Sizes up to here are counted each; beyond, by the next power of two, so that an item stays small.
EXACT_BATCHES = 16


@dataclass(slots=True)
class Passage:
    """Where the time of one answered call went, in seconds; of a stacked run, the call's share."""

    ended_ms: int
    total_s: float
    queue_s: float
    input_s: float
    infer_s: float
    output_s: float


@dataclass(slots=True)
class BatchCounters:
    """Session runs over one number of rows."""

    executions: int = 0
    input_ns: int = 0
    infer_ns: int = 0
    output_ns: int = 0


@dataclass(slots=True)
class Counters:
    """Counts of one version.

    `inferences` are rows answered, `executions` session runs: several calls that ran stacked are
    one. `last_ms` is when the last call ended, in epoch milliseconds. `batches` are by
    `batch_class`.
    """

    inferences: int = 0
    executions: int = 0
    successes: int = 0
    success_ns: int = 0
    failures: int = 0
    failure_ns: int = 0
    queue_ns: int = 0
    input_ns: int = 0
    infer_ns: int = 0
    output_ns: int = 0
    last_ms: int = 0
    batches: dict[int, BatchCounters] = field(default_factory=dict)

    def execute(self, rows: int, seconds: float) -> None:
        """Counts a session run that succeeded."""
        self.executions += 1
        if rows:
            batch = self._batch(rows)
            batch.executions += 1
            batch.infer_ns += int(seconds * 1e9)

    def succeed(self, passage: Passage, *, rows: int, run_rows: int) -> None:
        """Counts a call that was answered; the run that its rows were part of had `run_rows`."""
        input_ns, output_ns = int(passage.input_s * 1e9), int(passage.output_s * 1e9)
        self.inferences += rows
        self.successes += 1
        self.success_ns += int(passage.total_s * 1e9)
        self.queue_ns += int(passage.queue_s * 1e9)
        self.input_ns += input_ns
        self.infer_ns += int(passage.infer_s * 1e9)
        self.output_ns += output_ns
        self.last_ms = passage.ended_ms
        if run_rows:
            batch = self._batch(run_rows)
            batch.input_ns += input_ns
            batch.output_ns += output_ns

    def fail(self, seconds: float, ended_ms: int) -> None:
        """Counts a call that was not answered."""
        self.failures += 1
        self.failure_ns += int(seconds * 1e9)
        self.last_ms = ended_ms

    def _batch(self, rows: int) -> BatchCounters:
        size = batch_class(rows)
        batch = self.batches.get(size)
        if batch is None:
            batch = self.batches[size] = BatchCounters()
        return batch


def batch_class(rows: int) -> int:
    """The batch size under which a run over so many rows is counted."""
    return rows if rows <= EXACT_BATCHES else 1 << (rows - 1).bit_length()
