"""The loop."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from training.batches import Batches
from training.errors import Diverged, Interrupted
from training.optimizers import make_optimizer
from training.parallel import gathers, spread
from training.progress import emit
from training.regularization import EarlyStopping, penalized, penalty
from training.schedules import rate_fraction

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.batches import Part
    from training.checkpoint import Checkpoint
    from training.recipe import Recipe
    from training.stage import Stage
    from training.world import World


class Trainer:
    """Trains a stage's network in place; what it holds is what a checkpoint holds.

    `epoch` and `row` say where the next batch begins, `curve` has a point for each epoch done,
    `best` is the best epoch so far, by the stage's objective. Losses are reported without the
    penalties, with class weights and smoothing on both splits; the learning rate is that of the
    epoch's last step.
    """

    def __init__(self, stage: Stage, recipe: Recipe, world: World) -> None:
        self.stage, self.settings, self.world = stage, stage.settings, world
        self.network, self.objective = stage.network, stage.objective
        self.batches = Batches(stage, recipe.seed, world, recipe.scale.accumulation)
        self.forward = spread(stage.network, world)
        self.optimizer = make_optimizer(self.settings, self.network)
        self.penalized = penalized(self.network)
        self.early = EarlyStopping(self.settings.patience, self.settings.min_delta)
        self.epoch, self.row, self.step = 0, 0, 0
        # Of the losses in this epoch, and of what they are the mean of.
        self.sums = torch.zeros(2, dtype=torch.float64, device=world.device)
        self.curve: list[dict[str, float]] = []
        self.best: dict[str, Any] = {"epoch": 0, "score": (-math.inf,), "network": {}}

    def run(self, checkpoint: Checkpoint, stop: Callable[[], bool]) -> int:
        """Train to the last epoch or an early stop; the epoch kept, counted from 1.

        Goes on from the checkpoint when there is one. Raises Interrupted when `stop()` says so,
        once the checkpoint is written; Diverged when the loss is no number any more.
        """
        if state := checkpoint.load(self.world.device):
            self.load_state(state)
            self._say(resumed_epoch=self.epoch + 1, resumed_step=self.step)
        while self.epoch < self.settings.epochs and not self.early.over:
            self._train_epoch(checkpoint, stop)
            checkpoint.save(self.state())
        if self.epoch < self.settings.epochs:
            self._say(stopped_early_after_epoch=self.epoch)
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
            "sums": self.sums,
            "curve": self.curve,
            "best": self.best,
            "early": self.early.state(),
            # Dropout draws from these.
            "generator": torch.get_rng_state(),
            "generators": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """The reverse of `state`."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.row, self.step = state["epoch"], state["row"], state["step"]
        self.sums, self.curve, self.best = state["sums"], state["curve"], state["best"]
        self.early.load_state(state["early"])
        # Where the checkpoint was read to, though a generator's state is the CPU's to hold.
        torch.set_rng_state(state["generator"].cpu())
        if self.world.device.type == "cuda":
            torch.cuda.set_rng_state_all([generator.cpu() for generator in state["generators"]])

    def validate(self) -> dict[str, float]:
        """The validation split's loss, and the objective's measure, which comes last."""
        self.network.eval()
        # The losses, what they are the mean of, and the objective's own sums.
        sums: torch.Tensor | None = None
        with torch.no_grad():
            for numbers, counts in self.batches.validation():
                features, targets = self.batches.tensors(self.stage.validation, numbers)
                outputs = self.forward(features)
                found = torch.cat(
                    [
                        self.objective.loss(outputs, targets).double()[None],
                        self.sums.new_tensor([self.objective.count(targets)]),
                        self.objective.scores(outputs, targets),
                    ]
                )
                found = found if counts else torch.zeros_like(found)
                sums = found if sums is None else sums + found
        loss, count, *_ = (total := self.world.total(sums if sums is not None else self.sums))
        measure = self.objective.measure(total[2:], int(count))
        return {
            "val_loss": float(loss / count),
            f"val_{self.objective.measure_name}": measure,
        }

    def _train_epoch(self, checkpoint: Checkpoint, stop: Callable[[], bool]) -> None:
        order = self.batches.order(self.epoch)
        started, first_row = time.perf_counter(), self.row
        self.network.train()
        while self.row < len(order):
            if self.world.any(stop()):
                checkpoint.save(self.state())
                raise Interrupted(self.step)
            numbers = order[self.row : self.row + self.batches.size]
            self._take_step(self.batches.parts(numbers, self.epoch))
            self.row += len(numbers)
        self._finish_epoch((len(order) - first_row) / (time.perf_counter() - started))

    def _take_step(self, parts: list[Part]) -> None:
        settings = self.settings
        fraction = rate_fraction(settings, self.step, self.batches.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate * fraction
        counted = sum(self.objective.count(part.targets) for part in parts if part.counts)
        count = float(self.world.total(self.sums.new_tensor(counted)))
        self.optimizer.zero_grad(set_to_none=True)
        for number, part in enumerate(parts, start=1):
            with gathers(self.forward, last=number == len(parts)):
                loss = self.objective.loss(self.forward(part.features), part.targets)
                # Gradients are averaged over the processes, and shall be of the whole mean.
                objective = loss * (part.counts * self.world.size / max(1.0, count))
                if number == len(parts) and (settings.l1 or settings.l2):
                    objective = objective + penalty(self.penalized, l1=settings.l1, l2=settings.l2)
                objective.backward()  # type: ignore[no-untyped-call]
            self.sums[0] += loss.detach() * part.counts
        if settings.clip_norm:
            nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip_norm)
        self.optimizer.step()
        self.sums[1] += counted
        self.step += 1

    def _finish_epoch(self, samples_per_s: float) -> None:
        loss_sum, count = self.world.total(self.sums).tolist()
        train_loss = loss_sum / max(1.0, count)
        self.epoch, self.row = self.epoch + 1, 0
        self.sums = torch.zeros_like(self.sums)
        if not math.isfinite(train_loss):
            raise Diverged(self.epoch, train_loss)
        validation = self.validate()
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
        if (score := self.objective.rank(measure, loss)) > self.best["score"]:
            weights = {name: value.clone() for name, value in self.network.state_dict().items()}
            self.best = {"epoch": self.epoch, "score": score, "network": weights}
        self._say(
            epoch=self.epoch,
            step=self.step,
            train_loss=f"{train_loss:.4f}",
            **{name: f"{value:.4f}" for name, value in validation.items()},
            lr=f"{rate:.1e}",
            samples_per_s=f"{samples_per_s:.0f}",
        )

    def _say(self, **fields: object) -> None:
        if self.world.leads:
            emit(**fields)
