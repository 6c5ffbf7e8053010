"""A network pruned, and what is left of it trained further."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from training.compression.distillation import taught
from training.compression.groups import shrink_network
from training.compression.sparsity import mask, unmask, zero_share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import nn

    from training.settings.sections import CompressionSettings
    from training.stage import Stage

NAME = "finetuning"


@dataclass(frozen=True, slots=True, eq=False)
class Pruned:
    """`zeros` is the share of the weights that are zero, `epoch` the one of the curve that was
    kept, 0 without fine-tuning."""

    network: nn.Module
    parameters: int
    zeros: float
    epoch: int
    curve: Sequence[Mapping[str, float]]


def prune_network(
    network: nn.Module,
    settings: CompressionSettings,
    last_stage: Callable[[nn.Module], Stage],
    train: Callable[[Stage], tuple[int, Sequence[Mapping[str, float]]]],
) -> Pruned:
    """A copy of the network, pruned and fine-tuned; what was taken out stays out.

    `last_stage(network)` is how the network was trained last, of which fine-tuning is a short
    continuation; `train` gives the epoch that was kept, and the curve. Every process prunes
    alike, for all have the same weights.
    """
    copied = copy.deepcopy(network)
    if settings.pruning == "structured":
        shrink_network(copied, settings.pruned_share)
    else:
        mask(copied, settings.pruned_share)
    epoch: int = 0
    curve: Sequence[Mapping[str, float]] = []
    if settings.finetuning_epochs:
        stage = _finetuning(last_stage(copied), settings)
        if settings.distillation:
            teacher = last_stage(copy.deepcopy(network)).network
            stage = taught(stage, teacher, settings.distillation)
        epoch, curve = train(stage)
    unmask(copied)
    parameters = sum(value.numel() for value in copied.parameters())
    return Pruned(copied, parameters, zero_share(copied), epoch, curve)


def _finetuning(stage: Stage, settings: CompressionSettings) -> Stage:
    training = replace(
        stage.settings,
        epochs=settings.finetuning_epochs,
        learning_rate=stage.settings.learning_rate * settings.finetuning_rate,
        warmup_epochs=0.0,
        patience=0,
        min_delta=0.0,
    )
    return replace(stage, name=NAME, settings=training)
