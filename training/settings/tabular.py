"""What a recipe for tables sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from training.settings.ranges import Range
from training.settings.sections import Initialization


@dataclass(frozen=True, slots=True)
class TabularData:
    """What is trained on. The fractions are of each class's rows, or of each tenth by number.

    Without `components` the features are the columns themselves. A row that lacks a value stops
    the job, is dropped, or gets the training rows' mean of the column.
    """

    source: Literal["diabetes", "digits"]
    components: Annotated[int, Range(0, 4096)]
    validation_fraction: Annotated[float, Range(0.01, 0.4)]
    test_fraction: Annotated[float, Range(0.01, 0.4)]
    missing: Literal["stop", "drop", "mean"] = "stop"


@dataclass(frozen=True, slots=True)
class TabularNetworkSettings:
    """Widths of the hidden layers, none of which makes it a linear model, and how they begin.

    `dropout` is the share of each hidden layer's values that a training step leaves out.
    """

    hidden: tuple[Annotated[int, Range(1, 65536)], ...]
    initialization: Initialization = "pytorch"
    initialization_std: Annotated[float, Range(1e-6, 10.0)] = 0.0
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.0
