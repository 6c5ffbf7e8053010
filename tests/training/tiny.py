"""The trainer on a linear model and a few rows, where the right answer is known."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from training.data.dataset import ArrayRows
from training.objectives import Regression
from training.recipe import load
from training.stage import Stage
from training.trainer import Trainer
from training.world import World

if TYPE_CHECKING:
    from training.saved import Snapshot
    from training.settings.sections import TrainingSettings

FEATURES = 4
# Every second column has nothing to do with the target.
TRUTH = np.array([1.0, 0.02, -0.5, 0.0], np.float32)
ALONE = World(0, 1, torch.device("cpu"))


class Forgetful:
    """A checkpoint that is never there."""

    due = cheap = False

    def load(self, world: World) -> None:
        pass

    def save(self, step: int, snapshot: Snapshot, world: World) -> None:
        pass


def settings(**changes: Any) -> TrainingSettings:
    """Full-batch gradient descent on the mean square, for a number, but for the changes."""
    plain = replace(
        load("tabular", {}).training,
        epochs=1,
        batch_size=0,
        loss="mse",
        optimizer="gradient_descent",
        learning_rate=0.1,
        keep="last",
    )
    return replace(plain, **changes)


def linear_trainer(validation_factor: float = 1.0, **changes: Any) -> Trainer:
    """For `features @ TRUTH`; the columns are orthogonal, each with a mean square of one.

    With them the mean square is the squared distance from TRUTH, which descends by the factor
    1 - 2 * rate. The validation split has the same rows, its targets times a factor.
    """
    random = np.random.default_rng(0).normal(size=(64, FEATURES + 1))
    random[:, 0] = 1
    features = (np.linalg.qr(random)[0][:, 1:] * 8).astype(np.float32)
    targets = (features @ TRUTH)[:, None]
    network = nn.Linear(FEATURES, 1)
    nn.init.zeros_(network.weight)
    nn.init.zeros_(network.bias)
    stage = Stage(
        "training",
        network,
        settings(**changes),
        ArrayRows(features, targets[:, 0], targets),
        ArrayRows(features, targets[:, 0], targets * validation_factor),
        Regression(settings(**changes)),
    )
    recipe: Any = SimpleNamespace(seed=0, scale=load("tabular", {}).scale)
    return Trainer(stage, recipe, ALONE)


def trained(**changes: Any) -> np.ndarray:
    """The weights [features] after a whole run."""
    trainer = linear_trainer(**changes)
    checkpoint: Any = Forgetful()
    trainer.run(checkpoint, lambda: False)
    return weights(trainer)


def weights(trainer: Trainer) -> np.ndarray:
    """A linear model's weights [features]."""
    return trainer.network.weight.detach().numpy()[0].copy()
