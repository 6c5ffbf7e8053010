"""The loop."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from training.errors import Diverged, Interrupted
from training.losses import loss_by_name
from training.optimizers import optimizer_by_name
from training.progress import emit

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from training.checkpoint import Checkpoint
    from training.data.dataset import Dataset, Split
    from training.recipe import Recipe


class Trainer:
    """Trains a network in place; what it holds is what a checkpoint holds.

    `epoch` and `row` say where the next batch begins, `curve` has a point for each epoch done,
    `best` is the epoch so far with the best validation accuracy (the lower loss breaks ties).
    """

    def __init__(self, network: nn.Module, recipe: Recipe, dataset: Dataset) -> None:
        self.network, self.seed, self.settings = network, recipe.seed, recipe.training
        self.device = next(network.parameters()).device
        self.train_rows = self._tensors(dataset.train)
        self.validation_rows = self._tensors(dataset.validation)
        self.loss = loss_by_name(self.settings.loss)
        self.optimizer = optimizer_by_name(
            self.settings.optimizer, network.parameters(), self.settings.learning_rate
        )
        self.epoch, self.row, self.step = 0, 0, 0
        self.loss_sum = torch.zeros((), device=self.device)
        self.curve: list[dict[str, float]] = []
        self.best: dict[str, Any] = {"epoch": 0, "accuracy": -1.0, "loss": math.inf, "network": {}}

    def run(self, checkpoint: Checkpoint, stop: Callable[[], bool]) -> int:
        """Train to the last epoch, or on from the checkpoint; the epoch kept, counted from 1.

        Raises Interrupted when `stop()` says so, once the checkpoint is written; Diverged when
        the loss is no number any more.
        """
        if state := checkpoint.load(self.device):
            self.load_state(state)
            emit(resumed_epoch=self.epoch + 1, resumed_step=self.step)
        features, labels = self.train_rows
        count, size = len(labels), self.settings.batch_size
        while self.epoch < self.settings.epochs:
            order = self._order(count)
            started, first_row = time.perf_counter(), self.row
            self.network.train()
            while self.row < count:
                if stop():
                    checkpoint.save(self.state())
                    raise Interrupted(self.step)
                batch = order[self.row : self.row + size]
                loss = self.loss(self.network(features[batch]), labels[batch])
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                self.optimizer.step()
                self.loss_sum += loss.detach() * len(batch)
                self.row += len(batch)
                self.step += 1
            self._finish_epoch(count, (count - first_row) / (time.perf_counter() - started))
            checkpoint.save(self.state())
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
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """The reverse of `state`."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.row, self.step = state["epoch"], state["row"], state["step"]
        self.loss_sum, self.curve, self.best = state["loss_sum"], state["curve"], state["best"]

    def _tensors(self, split: Split) -> tuple[torch.Tensor, torch.Tensor]:
        features, labels = torch.from_numpy(split.features), torch.from_numpy(split.labels)
        return features.to(self.device), labels.to(self.device)

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
        val_loss, val_accuracy = self._validate()
        self.curve.append(
            {
                "epoch": self.epoch,
                "step": self.step,
                "train_loss": train_loss,
                "val_loss": val_loss,
                "val_accuracy": val_accuracy,
            }
        )
        if (val_accuracy, -val_loss) > (self.best["accuracy"], -self.best["loss"]):
            weights = {name: value.clone() for name, value in self.network.state_dict().items()}
            self.best = {
                "epoch": self.epoch,
                "accuracy": val_accuracy,
                "loss": val_loss,
                "network": weights,
            }
        emit(
            epoch=self.epoch,
            step=self.step,
            train_loss=f"{train_loss:.4f}",
            val_loss=f"{val_loss:.4f}",
            val_accuracy=f"{val_accuracy:.4f}",
            lr=f"{self.optimizer.param_groups[0]['lr']:.1e}",
            samples_per_s=f"{samples_per_s:.0f}",
        )

    @torch.no_grad()
    def _validate(self) -> tuple[float, float]:
        features, labels = self.validation_rows
        self.network.eval()
        logits = self.network(features)
        accuracy = (logits.argmax(dim=1) == labels).double().mean()
        return float(self.loss(logits, labels)), float(accuracy)
