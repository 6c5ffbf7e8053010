"""Timing contenders side by side: in short blocks that take turns, so that noise strikes all."""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass
class Contender:
    """What is timed: `call` on what `prepare` made beforehand, outside the clock."""

    name: str
    prepare: Callable[[], Any]
    call: Callable[[Any], Any]
    blocks: list[float] = field(default_factory=list)
    least: float = float("inf")

    @property
    def median_us(self) -> float:
        """The median of the blocks' medians."""
        return statistics.median(self.blocks) * 1e6

    @property
    def least_us(self) -> float:
        """The fastest single call."""
        return self.least * 1e6

    def run_block(self, calls: int) -> list[float]:
        """The seconds that each of so many calls took."""
        prepared = [self.prepare() for _ in range(calls)]
        clock, call, spent = time.perf_counter, self.call, []
        while prepared:
            argument = prepared.pop()
            started = clock()
            call(argument)
            spent.append(clock() - started)
        return spent


def race(contenders: Sequence[Contender], *, rounds: int, calls: int) -> None:
    """Lets each run a block in turn, so many rounds after one that is not counted."""
    for contender in contenders:
        contender.run_block(calls)
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for contender in contenders:
            spent = contender.run_block(calls)
            contender.blocks.append(statistics.median(spent))
            contender.least = min(contender.least, *spent)
    gc.unfreeze()
