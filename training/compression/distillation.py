"""A network taught by a larger one: Hinton, Vinyals and Dean, https://arxiv.org/abs/1503.02531."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

import torch
from torch import nn
from torch.nn import functional

from training.objectives import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from training.stage import Stage

# Both networks' logits are divided by it: what the teacher thinks of wrong answers shows more.
TEMPERATURE = 2.0


def taught(stage: Stage, teacher: nn.Module, share: float) -> Stage:
    """The stage, its network taught by another that takes and gives the same.

    `share` of the loss is how far the answers are from the teacher's, the rest the stage's own.
    """
    return replace(
        stage,
        network=Pair(stage.network, teacher),
        objective=Distillation(stage.objective, share),
    )


class Pair(nn.Module):
    """The answers of both, [2, ...], the student's first; the teacher is never changed."""

    def __init__(self, student: nn.Module, teacher: nn.Module) -> None:
        super().__init__()
        self.student, self.teacher = student, teacher.requires_grad_(requires_grad=False).eval()

    def forward(self, features: Tensor) -> Tensor:
        """What the student and the teacher say of the same rows."""
        return torch.stack([self.student(features), self.teacher(features)])

    def train(self, mode: bool = True) -> Self:  # as nn.Module has it
        """The student alone."""
        super().train(mode)
        self.teacher.eval()
        return self


class Distillation(Objective):
    """Another objective, for both networks' answers."""

    def __init__(self, objective: Objective, share: float) -> None:
        self._objective, self._share = objective, share
        # An instance's, as the other's is.
        self.measure_name = objective.measure_name  # type: ignore[misc]

    def count(self, targets: Tensor) -> int:
        """See `Objective`."""
        return self._objective.count(targets)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The sum of both losses, each weighed by its share.

        The second is the divergence of the softened probabilities times the temperature's square,
        which keeps its gradients as large; of single numbers it is the squared difference. It is
        the mean over an answer's positions, times what the first counts.
        """
        student, teacher = outputs
        own = self._objective.loss(student, targets)
        return (1 - self._share) * own + self._share * self.count(targets) * _apart(
            student, teacher
        )

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The student's."""
        return self._objective.scores(outputs[0], targets)

    def measure(self, scores: Tensor, count: int) -> float:
        """See `Objective`."""
        return self._objective.measure(scores, count)

    def rank(self, measure: float, loss: float) -> tuple[float, ...]:
        """See `Objective`."""
        return self._objective.rank(measure, loss)


def _apart(student: Tensor, teacher: Tensor) -> Tensor:
    if student.shape[-1] == 1:
        return functional.mse_loss(student, teacher)
    ours, theirs = (
        functional.log_softmax(answers.flatten(0, -2) / TEMPERATURE, dim=-1)
        for answers in (student, teacher)
    )
    return TEMPERATURE**2 * functional.kl_div(ours, theirs, reduction="batchmean", log_target=True)
