"""A network of blocks, with a tied weight and a buffer, as large ones are built."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tests.training.tiny import ALONE, settings
from training.data.dataset import ArrayRows
from training.objectives import Classification
from training.settings.sections import ScaleSettings
from training.stage import Stage
from training.trainer import Trainer

if TYPE_CHECKING:
    from training.world import World

ROWS, WIDTH, CLASSES = 50, 8, 5


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.layer = nn.Linear(WIDTH, WIDTH)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values + torch.tanh(self.layer(self.norm(values)))


class Stack(nn.Module):
    """Class numbers, int64 [rows], to logits [rows, CLASSES]; the head is the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(CLASSES, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(3))
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.steps += 1
        values = self.embedding(numbers)
        for block in self.blocks:
            values = block(values)
        return functional.linear(values, self.embedding.weight)


def stack_trainer(world: World = ALONE, network: nn.Module | None = None, **scale: Any) -> Trainer:
    """It learns the next number; three epochs of steps of 20 rows."""
    torch.manual_seed(0)
    network = network or Stack()
    numbers = np.random.default_rng(0).integers(0, CLASSES, ROWS)
    chosen = settings(
        epochs=3,
        batch_size=20,
        loss="sparse_categorical_crossentropy",
        optimizer="adam",
        beta1=0.9,
        beta2=0.999,
        learning_rate=0.05,
        clip_norm=1.0,
    )
    rows = ArrayRows(numbers, (numbers + 1) % CLASSES, (numbers + 1) % CLASSES)
    objective = Classification(chosen, rows.labels, CLASSES)
    stage = Stage("training", network, chosen, rows, rows, objective)
    recipe: Any = SimpleNamespace(seed=0, scale=ScaleSettings(**scale))
    return Trainer(stage, recipe, world)
