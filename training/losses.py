"""Losses by the names that recipes use."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, assert_never

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from training.settings.sections import TrainingSettings


def make_loss(
    settings: TrainingSettings, labels: Tensor, classes: int
) -> Callable[[Tensor, Tensor], Tensor]:
    """A function of a network's outputs and its rows' targets: the loss of each row, [rows].

    For classes the outputs are logits, float [rows, classes], and the targets int64 [rows]; for
    numbers both are float [rows, 1]. `labels` are those of all training rows, which balanced
    weights are computed from; a row's loss counts as often as its class's weight says.
    """
    loss = _loss(settings)
    if settings.class_weights == "none":
        return loss
    weights = balanced_weights(labels, classes)

    def weighted(outputs: Tensor, targets: Tensor) -> Tensor:
        return weights.to(outputs.device)[targets] * loss(outputs, targets)

    return weighted


def balanced_weights(labels: Tensor, classes: int) -> Tensor:
    """rows / (classes * rows of the class), float32 [classes]: every class weighs the same in
    total, and a row 1 on average. A class without rows weighs nothing."""
    counts = torch.bincount(labels, minlength=classes)
    weights = len(labels) / (classes * counts.clamp(min=1))
    return torch.where(counts > 0, weights, 0.0)


def _loss(settings: TrainingSettings) -> Callable[[Tensor, Tensor], Tensor]:
    match settings.loss:
        case "sparse_categorical_crossentropy":
            return partial(
                functional.cross_entropy,
                label_smoothing=settings.label_smoothing,
                reduction="none",
            )
        case "binary_crossentropy":
            return _one_against_the_rest
        case "mse":
            return _of_a_number(functional.mse_loss)
        case "mae":
            return _of_a_number(functional.l1_loss)
        case "huber":
            return _of_a_number(partial(functional.huber_loss, delta=settings.huber_delta))
        case _:
            assert_never(settings.loss)


def _of_a_number(loss: Callable[..., Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda outputs, targets: loss(outputs, targets, reduction="none")[:, 0]


def _one_against_the_rest(logits: Tensor, labels: Tensor) -> Tensor:
    """Each class is a question of its own, yes or no; the mean over the classes."""
    answers = functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
    return functional.binary_cross_entropy_with_logits(logits, answers, reduction="none").mean(1)
