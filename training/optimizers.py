"""Optimizers by the names that recipes use, with PyTorch's own defaults for what is not set."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from torch import optim

from training.regularization import penalized

if TYPE_CHECKING:
    from torch import nn

    from training.settings.sections import TrainingSettings


def make_optimizer(settings: TrainingSettings, network: nn.Module) -> optim.Optimizer:
    """With `settings.learning_rate`, which a schedule may change later.

    AdamW's decay is decoupled from the gradient: each step takes `rate * weight_decay` of a
    weight away (https://arxiv.org/abs/1711.05101); biases keep all.
    """
    parameters, rate = network.parameters(), settings.learning_rate
    betas = (settings.beta1, settings.beta2)
    match settings.optimizer:
        case "gradient_descent":
            return optim.SGD(parameters, lr=rate)
        case "sgd":
            return optim.SGD(
                parameters, lr=rate, momentum=settings.momentum, nesterov=settings.nesterov
            )
        case "adam":
            return optim.Adam(parameters, lr=rate, betas=betas)
        case "adamw":
            weights = penalized(network)
            decayed = set(map(id, weights))
            rest = [value for value in parameters if id(value) not in decayed]
            groups = [
                {"params": weights, "weight_decay": settings.weight_decay},
                {"params": rest, "weight_decay": 0.0},
            ]
            return optim.AdamW(groups, lr=rate, betas=betas)
        case _:
            assert_never(settings.optimizer)
