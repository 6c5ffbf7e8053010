"""A stage of training: one network, one objective, rows. Most recipes have one stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from training.data.dataset import Rows
    from training.objectives import Objective
    from training.settings.sections import TrainingSettings


class Augmentation(Protocol):
    """Changes a batch. What it draws comes from outside, by seed, epoch and row, so that neither
    an interruption nor the number of processes changes it."""

    def draws(self, features: Tensor) -> int:
        """How many random numbers each row of these features needs."""
        ...

    def __call__(self, features: Tensor, targets: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        """Other features and targets; `draws` is uniform in [0, 1), float32 [rows, draws]."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """`network` is trained in place, from features to what `objective` takes.

    `order` gives the row numbers of an epoch in the order in which they are trained on, from the
    epoch's generator and the batch's size; without it they are shuffled.
    """

    name: str
    network: nn.Module
    settings: TrainingSettings
    train: Rows
    validation: Rows
    objective: Objective
    augmentation: Augmentation | None = None
    order: Callable[[np.random.Generator, int], NDArray[Any]] | None = None
