"""The reference recipe's trainer, and asking it to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from tests.training.tiny import ALONE
from training.checkpoint import Checkpoint
from training.families.opening import open_family
from training.recipe import load
from training.trainer import Trainer

if TYPE_CHECKING:
    from pathlib import Path

EPOCHS = {"epochs": "3"}


class StopAt:
    """Asks to stop before the step of this number."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def never() -> bool:
    return False


def make(dataset, overrides=EPOCHS, world=ALONE) -> Trainer:
    recipe = load("tabular", overrides)
    torch.set_num_threads(recipe.training.threads)
    torch.manual_seed(recipe.seed)
    family = open_family(recipe)
    (stage,) = family.stages(family.network(dataset), dataset)
    return Trainer(stage, recipe, world)


def checkpoint(folder: Path, dataset, overrides=EPOCHS) -> Checkpoint:
    return Checkpoint(folder, load("tabular", overrides), dataset)


def weights(trainer: Trainer) -> list[bytes]:
    return [value.numpy().tobytes() for value in trainer.network.state_dict().values()]
