"""What a stage of training minimises, and the figure that its epochs are compared by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn import functional

from training.losses import make_loss

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from training.settings.sections import TrainingSettings

# A target of this value counts for nothing, as in PyTorch.
IGNORED = -100


class Objective(ABC):
    """Sums over rows, or over what else counts: they add up over batches and processes."""

    measure_name: ClassVar[str]

    @abstractmethod
    def count(self, targets: Tensor) -> int:
        """How many rows, or tokens, the loss is the mean of."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The sum of their losses."""

    @abstractmethod
    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Sums that `measure` is computed from, float64 [any]."""

    @abstractmethod
    def measure(self, scores: Tensor, count: int) -> float:
        """The figure, from the sums over a split; the larger the better."""

    def rank(self, measure: float, loss: float) -> tuple[float, ...]:
        """The larger, the better the epoch."""
        return (measure, -loss)


class Classification(Objective):
    """Logits [rows, classes] for classes, int64 [rows]."""

    measure_name = "accuracy"

    def __init__(self, settings: TrainingSettings, labels: NDArray, classes: int) -> None:  # type: ignore[type-arg]
        self._losses = make_loss(settings, torch.from_numpy(labels), classes)

    def count(self, targets: Tensor) -> int:
        """Rows."""
        return len(targets)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """See `Objective`."""
        return self._losses(outputs, targets).sum()

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """How many were right."""
        return (outputs.argmax(dim=1) == targets).sum().double()[None]

    def measure(self, scores: Tensor, count: int) -> float:
        """The accuracy."""
        return float(scores[0]) / count


class Regression(Objective):
    """Numbers, float [rows, 1], for others."""

    measure_name = "r2"

    def __init__(self, settings: TrainingSettings) -> None:
        self._losses = make_loss(settings, torch.zeros(0), 0)

    def count(self, targets: Tensor) -> int:
        """Rows."""
        return len(targets)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """See `Objective`."""
        return self._losses(outputs, targets).sum()

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Sums of the squared error, of the targets and of their squares."""
        exact = targets.double()
        return torch.stack([(outputs - exact).square().sum(), exact.sum(), exact.square().sum()])

    def measure(self, scores: Tensor, count: int) -> float:
        """R2, as `training.evaluation.numbers.r2` has it."""
        error, total, squares = scores.tolist()
        deviation = squares - total * total / count
        if deviation > 1e-12 * squares:
            return 1 - float(error / deviation)
        return 1.0 if error == 0 else 0.0


class Tokens(Objective):
    """Logits [rows, tokens, vocabulary] for token ids, int64 [rows, tokens], some `IGNORED`."""

    measure_name = "token_accuracy"

    def __init__(self, settings: TrainingSettings) -> None:
        self._smoothing = settings.label_smoothing

    def count(self, targets: Tensor) -> int:
        """Tokens that are not ignored."""
        return int((targets != IGNORED).sum())

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """See `Objective`."""
        return functional.cross_entropy(
            outputs.flatten(0, 1),
            targets.flatten(),
            ignore_index=IGNORED,
            label_smoothing=self._smoothing,
            reduction="sum",
        )

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """How many were foretold."""
        return (outputs.argmax(dim=-1) == targets).sum().double()[None]

    def measure(self, scores: Tensor, count: int) -> float:
        """The share that was foretold."""
        return float(scores[0]) / count

    def rank(self, measure: float, loss: float) -> tuple[float, ...]:
        """The loss says more than the most likely token alone."""
        return (-loss, measure)
