"""How fast it goes, and how long it will take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from training.utilization import utilization

if TYPE_CHECKING:
    import torch
    from torch import nn

    from training.world import World

# Within a long epoch there is a line of progress this often.
LINE_S = 10.0


class Stretch:
    """Rows, over all processes, since it began."""

    def __init__(self) -> None:
        self.rows, self._began = 0, time.perf_counter()

    @property
    def seconds(self) -> float:
        """Never 0."""
        return max(time.perf_counter() - self._began, 1e-9)


class Pace:
    """Of a run that goes on from `step` to `steps` at most: of the run, of its epoch, and since
    the last line within an epoch."""

    def __init__(self, network: nn.Module, world: World, *, step: int, steps: int) -> None:
        self._network, self._world = network, world
        self._first, self._steps = step, steps
        self._row: torch.Size | None = None
        self._run, self._epoch, self._line = Stretch(), Stretch(), Stretch()

    def begin_epoch(self) -> None:
        """What is taken from here on is an epoch's."""
        self._epoch, self._line = Stretch(), Stretch()

    def take(self, rows: int, features: torch.Tensor) -> None:
        """A step of so many rows was taken; `features` are some of them."""
        self._epoch.rows += rows
        self._line.rows += rows
        self._row = features.shape[1:]

    @property
    def line_due(self) -> bool:
        """Whether it is time for a line."""
        return self._line.seconds >= LINE_S

    def of_line(self, step: int) -> dict[str, str]:
        """What a line says of it; the next is for what comes from here on."""
        fields = self._fields(self._line, step)
        self._line = Stretch()
        return fields

    def of_epoch(self, step: int) -> dict[str, str]:
        """What an epoch's line says of it."""
        return self._fields(self._epoch, step)

    def _fields(self, stretch: Stretch, step: int) -> dict[str, str]:
        rate = stretch.rows / stretch.seconds
        row = self._row
        used = None if row is None else utilization(self._network, row, rate, self._world)
        # As long for each step as it was so far, with what is between the steps.
        left = self._run.seconds * (self._steps - step) / max(1, step - self._first)
        return {
            "samples_per_s": f"{rate:.0f}",
            **({"mfu": f"{used:.3f}"} if used else {}),
            "eta_s": f"{left:.0f}",
        }
