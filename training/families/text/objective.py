"""Two answers to the same question, each learned for itself, judged together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from training.families.text.network import joined
from training.objectives import Classification

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from training.settings.sections import TrainingSettings


class BothAnswers(Classification):
    """Logits [rows, 2, classes] for classes, int64 [rows]. The loss is the mean of both answers';
    the accuracy is that of both together, the second one with `share` of the weight.

    Only the first one's labels are smoothed, as only it is sure of itself too early.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        labels: NDArray,  # type: ignore[type-arg]
        classes: int,
        share: float,
    ) -> None:
        super().__init__(settings, labels, classes)
        self._second = Classification(replace(settings, label_smoothing=0.0), labels, classes)
        self._share = share
        self._against_the_rest = settings.loss == "binary_crossentropy"

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """See `Objective`."""
        first = super().loss(outputs[:, 0], targets)
        return (first + self._second.loss(outputs[:, 1], targets)) / 2

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """How many were right."""
        found = joined(outputs, self._share, against_the_rest=self._against_the_rest)
        return super().scores(found, targets)
