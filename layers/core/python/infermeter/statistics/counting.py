"""What the one path counts of each call: its outcome, and where its time went."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from infermeter.statistics.counters import Passage

if TYPE_CHECKING:
    from collections.abc import Callable

    from infermeter.execution import Admitted
    from infermeter.registry.catalog import ModelVersion
    from infermeter.statistics.buffer import StatisticsBuffer


class CallCounter:
    """Counts calls into the buffer; `clock` tells when they ended."""

    def __init__(self, statistics: StatisticsBuffer, clock: Callable[[], float]) -> None:
        self._statistics, self._clock = statistics, clock

    def success(self, admitted: Admitted) -> None:
        """A call that is answered."""
        call, timings = admitted.call, admitted.timings
        waited_s = call.queued_s + call.decoded_s
        passage = Passage(
            ended_ms=int(self._clock() * 1000),
            total_s=waited_s + time.perf_counter() - admitted.started,
            queue_s=call.queued_s,
            input_s=call.decoded_s + admitted.checked_s,
            infer_s=timings["infer"],
            output_s=timings["encode"],
        )
        counters = self._statistics.of(admitted.model.version)
        counters.succeed(passage, rows=admitted.rows, run_rows=admitted.run_rows)

    def failure(self, admitted: Admitted) -> None:
        """A call that was admitted, and failed since."""
        self.refusal(admitted.model.version, admitted.started)

    def refusal(self, version: ModelVersion, started: float) -> None:
        """A call that was not admitted; `started` is by the performance counter."""
        seconds = time.perf_counter() - started
        self._statistics.of(version).fail(seconds, int(self._clock() * 1000))
