"""The loop."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from training.batches import Batches
from training.errors import Diverged, Interrupted
from training.optimizers import make_optimizer
from training.pace import Pace
from training.parallel import Replica
from training.progress import emit
from training.regularization import EarlyStopping, penalize, penalized
from training.schedules import rate_fraction
from training.state import restore, snapshot

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
        self.objective = stage.objective
        self.replica = Replica(stage.network, recipe.scale, world)
        self.network = self.replica.network
        self.batches = Batches(stage, recipe.seed, world, recipe.scale.accumulation)
        self.optimizer = make_optimizer(self.settings, self.network)
        self.penalized = penalized(self.network)
        self.early = EarlyStopping(self.settings.patience, self.settings.min_delta)
        self.epoch, self.row, self.step = 0, 0, 0
        # Of the losses in this epoch, and of what they are the mean of.
        self.sums = torch.zeros(2, dtype=torch.float64, device=world.device)
        self.curve: list[dict[str, float]] = []
        self.best: dict[str, Any] = {"epoch": 0, "score": (-math.inf,), "network": {}}
        if not world.leads:
            # Dropout leaves out of other rows what it draws anew.
            torch.manual_seed(recipe.seed + world.rank)

    def run(self, checkpoint: Checkpoint, stop: Callable[[], bool]) -> int:
        """Train to the last epoch or an early stop; the epoch kept, counted from 1.

        Goes on from the checkpoint when there is one, and leaves one at the end. Raises
        Interrupted when `stop()` says so, once the checkpoint is written; Diverged when the loss
        is no number any more.
        """
        if (saved := checkpoint.load(self.world)) is not None:
            restore(self, saved)
            self._say(resumed_epoch=self.epoch + 1, resumed_step=self.step)
        pace = Pace(
            self.stage.network,
            self.world,
            step=self.step,
            steps=self.settings.epochs * self.batches.steps,
        )
        while self.epoch < self.settings.epochs and not self.early.over:
            self._train_epoch(checkpoint, stop, pace)
            if self.world.any(self.world.leads and checkpoint.cheap):
                checkpoint.save(self.step, snapshot(self), self.world)
        # What comes after may be interrupted too: export, another stage.
        checkpoint.save(self.step, snapshot(self), self.world)
        if self.epoch < self.settings.epochs:
            self._say(stopped_early_after_epoch=self.epoch)
        kept = self.epoch
        if self.settings.keep == "best":
            self.network.load_state_dict(self.best["network"])
            kept = int(self.best["epoch"])
        self.replica.finish()
        return kept

    def validate(self) -> dict[str, float]:
        """The validation split's loss, and the objective's measure, which comes last."""
        self.replica.settle()
        self.network.eval()
        # The losses, what they are the mean of, and the objective's own sums.
        sums: torch.Tensor | None = None
        with torch.no_grad():
            for numbers, counts in self.batches.validation():
                features, targets = self.batches.tensors(self.stage.validation, numbers)
                outputs = self.replica(features)
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

    def _train_epoch(self, checkpoint: Checkpoint, stop: Callable[[], bool], pace: Pace) -> None:
        leads = self.world.leads
        self.network.train()
        pace.begin_epoch()
        for rows, parts in self.batches.epoch(self.epoch, self.row):
            counted, stopped, due, line = self.world.sums(
                sum(part.counted for part in parts),
                stop(),
                leads and checkpoint.due,
                leads and pace.line_due,
            )
            if stopped or due:
                checkpoint.save(self.step, snapshot(self), self.world)
            if stopped:
                raise Interrupted(self.step)
            if line:
                self._report_step(pace)
            self._take_step(parts, counted)
            self.row += rows
            pace.take(rows, parts[0].features)
        self._finish_epoch(pace)

    def _take_step(self, parts: list[Part], counted: float) -> None:
        """`counted` are the rows, or tokens, of all processes' parts."""
        settings = self.settings
        fraction = rate_fraction(settings, self.step, self.batches.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate * fraction
        self.optimizer.zero_grad(set_to_none=True)
        for number, part in enumerate(parts, start=1):
            with self.replica.gathers(last=number == len(parts)):
                loss = self.objective.loss(self.replica(part.features), part.targets)
                # Gradients are averaged over the processes, and shall be of the whole mean.
                share = (part.counted > 0) * self.world.size / max(1.0, counted)
                (loss * share).backward()  # type: ignore[no-untyped-call]
            self.sums[0] += loss.detach() * (part.counted > 0)
        self.sums[1] += sum(part.counted for part in parts)
        if settings.l1 or settings.l2:
            penalize(self.penalized, l1=settings.l1, l2=settings.l2)
        if settings.clip_norm:
            nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip_norm)
        self.optimizer.step()
        self.step += 1

    def _finish_epoch(self, pace: Pace) -> None:
        train_loss = self._train_loss()
        speed = pace.of_epoch(self.step)
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
            epochs=self.settings.epochs,
            step=self.step,
            train_loss=f"{train_loss:.4f}",
            **{name: f"{value:.4f}" for name, value in validation.items()},
            lr=f"{rate:.1e}",
            **speed,
        )

    def _report_step(self, pace: Pace) -> None:
        """The loss is the epoch's so far."""
        loss, rate = self._train_loss(), self.optimizer.param_groups[0]["lr"]
        self._say(
            step=self.step, train_loss=f"{loss:.4f}", lr=f"{rate:.1e}", **pace.of_line(self.step)
        )

    def _train_loss(self) -> float:
        loss_sum, count = self.world.total(self.sums).tolist()
        return float(loss_sum / max(1.0, count))

    def _say(self, **fields: object) -> None:
        if self.world.leads:
            emit(**fields)
