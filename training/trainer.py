"""The loop."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from training.errors import Diverged, Interrupted
from training.evaluate import accuracy, r2
from training.losses import make_loss
from training.optimizers import make_optimizer
from training.progress import emit
from training.regularization import EarlyStopping, penalized, penalty
from training.schedules import rate_fraction

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.checkpoint import Checkpoint
    from training.data.dataset import Dataset, Split
    from training.recipe import Recipe


class Trainer:
    """Trains a network in place; what it holds is what a checkpoint holds.

    `epoch` and `row` say where the next batch begins, `curve` has a point for each epoch done,
    `best` is the epoch so far with the highest validation accuracy, or R2 (the lower loss breaks
    ties). Losses are reported without the penalties, with class weights and smoothing on both
    splits; the learning rate is that of the epoch's last step.
    """

    def __init__(self, network: nn.Module, recipe: Recipe, dataset: Dataset) -> None:
        self.network, self.seed, self.settings = network, recipe.seed, recipe.training
        self.device = next(network.parameters()).device
        self.train_rows = self._tensors(dataset.train)
        self.validation_rows = self._tensors(dataset.validation)
        self.classes = len(dataset.classes)
        self.loss = make_loss(self.settings, self.train_rows[1], self.classes)
        self.optimizer = make_optimizer(self.settings, network)
        self.penalized = penalized(network)
        self.early = EarlyStopping(self.settings.patience, self.settings.min_delta)
        self.epoch, self.row, self.step = 0, 0, 0
        self.loss_sum = torch.zeros((), device=self.device)
        self.curve: list[dict[str, float]] = []
        self.best: dict[str, Any] = {"epoch": 0, "score": (-math.inf,), "network": {}}

    def run(self, checkpoint: Checkpoint, stop: Callable[[], bool]) -> int:
        """Train to the last epoch or an early stop; the epoch kept, counted from 1.

        Goes on from the checkpoint when there is one. Raises Interrupted when `stop()` says so,
        once the checkpoint is written; Diverged when the loss is no number any more.
        """
        if state := checkpoint.load(self.device):
            self.load_state(state)
            emit(resumed_epoch=self.epoch + 1, resumed_step=self.step)
        features, targets = self.train_rows
        count = len(targets)
        size = self.settings.batch_size or count
        while self.epoch < self.settings.epochs and not self.early.over:
            order = self._order(count)
            started, first_row = time.perf_counter(), self.row
            self.network.train()
            while self.row < count:
                if stop():
                    checkpoint.save(self.state())
                    raise Interrupted(self.step)
                batch = order[self.row : self.row + size]
                self._take_step(features[batch], targets[batch], math.ceil(count / size))
            self._finish_epoch(count, (count - first_row) / (time.perf_counter() - started))
            checkpoint.save(self.state())
        if self.epoch < self.settings.epochs:
            emit(stopped_early_after_epoch=self.epoch)
        if self.settings.keep == "best":
            self.network.load_state_dict(self.best["network"])
            return int(self.best["epoch"])
        return self.epoch

    def state(self) -> dict[str, Any]:
        """Everything that `run` goes on from, fit for `torch.save`."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "row": self.row,
            "step": self.step,
            "loss_sum": self.loss_sum,
            "curve": self.curve,
            "best": self.best,
            "early": self.early.state(),
            # Dropout draws from these.
            "generator": torch.get_rng_state(),
            "generators": torch.cuda.get_rng_state_all() if self.device.type == "cuda" else [],
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """The reverse of `state`."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.row, self.step = state["epoch"], state["row"], state["step"]
        self.loss_sum, self.curve, self.best = state["loss_sum"], state["curve"], state["best"]
        self.early.load_state(state["early"])
        # Where the checkpoint was read to, though a generator's state is the CPU's to hold.
        torch.set_rng_state(state["generator"].cpu())
        if self.device.type == "cuda":
            torch.cuda.set_rng_state_all([generator.cpu() for generator in state["generators"]])

    def _take_step(
        self, features: torch.Tensor, targets: torch.Tensor, steps_per_epoch: int
    ) -> None:
        settings = self.settings
        fraction = rate_fraction(settings, self.step, steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate * fraction
        loss = objective = self.loss(self.network(features), targets)
        if settings.l1 or settings.l2:
            objective = loss + penalty(self.penalized, l1=settings.l1, l2=settings.l2)
        self.optimizer.zero_grad(set_to_none=True)
        objective.backward()  # type: ignore[no-untyped-call]
        if settings.clip_norm:
            nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip_norm)
        self.optimizer.step()
        self.loss_sum += loss.detach() * len(targets)
        self.row += len(targets)
        self.step += 1

    def _tensors(self, split: Split) -> tuple[torch.Tensor, torch.Tensor]:
        features, targets = torch.from_numpy(split.features), torch.from_numpy(split.targets)
        return features.to(self.device), targets.to(self.device)

    def _order(self, count: int) -> torch.Tensor:
        """The epoch's shuffle, from seed and epoch alone: resuming needs no generator's state."""
        order = np.random.default_rng((self.seed, self.epoch)).permutation(count)
        return torch.from_numpy(order).to(self.device)

    def _finish_epoch(self, count: int, samples_per_s: float) -> None:
        train_loss = float(self.loss_sum) / count
        self.epoch, self.row = self.epoch + 1, 0
        self.loss_sum = torch.zeros_like(self.loss_sum)
        if not math.isfinite(train_loss):
            raise Diverged(self.epoch, train_loss)
        validation = self._validate()
        rate = self.optimizer.param_groups[0]["lr"]
        self.curve.append(
            {
                "epoch": self.epoch,
                "step": self.step,
                "train_loss": train_loss,
                **validation,
                "learning_rate": rate,
            }
        )
        loss, measure = validation.values()
        self.early.note(loss)
        score = (measure, -loss)
        if score > self.best["score"]:
            weights = {name: value.clone() for name, value in self.network.state_dict().items()}
            self.best = {"epoch": self.epoch, "score": score, "network": weights}
        emit(
            epoch=self.epoch,
            step=self.step,
            train_loss=f"{train_loss:.4f}",
            **{name: f"{value:.4f}" for name, value in validation.items()},
            lr=f"{rate:.1e}",
            samples_per_s=f"{samples_per_s:.0f}",
        )

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """The validation split's loss, and its accuracy or R2, which comes last."""
        features, targets = self.validation_rows
        self.network.eval()
        outputs = self.network(features)
        name, measure = ("accuracy", accuracy) if self.classes else ("r2", r2)
        return {
            "val_loss": float(self.loss(outputs, targets)),
            f"val_{name}": measure(outputs.cpu().numpy(), targets.cpu().numpy()),
        }
