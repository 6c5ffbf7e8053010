"""Checkpoints: which there are, whose they are, when there is to be one."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from typing import TYPE_CHECKING

from training.errors import InvalidCheckpoint
from training.saved import is_whole, open_saved, write

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from training.data.dataset import Dataset
    from training.recipe import Recipe
    from training.saved import Saved, Snapshot
    from training.world import World

KEPT = 2
# Checkpoints at the ends of epochs take this share of the time at most.
SHARE = 0.05
# What the first is thought to take, while nobody knows.
FIRST_S = 0.5


class Checkpoint:
    """A stage's checkpoints, each in `step-<n>/` of a folder; the newest `KEPT` are kept.

    One counts where its `manifest.json`, written last, names only files that are there. With
    several hosts each has a folder of its own, and after an interruption what was copied out of
    them in time: one counts that counts for every process.
    """

    def __init__(self, folder: Path, recipe: Recipe, dataset: Dataset) -> None:
        self._folder = folder
        # How the work is laid over devices is no part of what comes out.
        document = {key: value for key, value in recipe.document().items() if key != "scale"}
        inputs = json.dumps([document, dataset.digest], sort_keys=True)
        self._inputs = hashlib.sha256(inputs.encode()).hexdigest()
        self._every_s = 60 * recipe.scale.checkpoint_minutes
        self._step, self._last, self._took_s = -1, time.monotonic(), FIRST_S

    @property
    def due(self) -> bool:
        """Whether the last one is older than the recipe allows."""
        return time.monotonic() - self._last >= self._every_s

    @property
    def cheap(self) -> bool:
        """Whether the time since the last one is long against what it takes."""
        return time.monotonic() - self._last >= self._took_s / SHARE

    def save(self, step: int, snapshot: Snapshot, world: World) -> None:
        """Leave what all processes hold after a step; a crash in between leaves the one before."""
        if step != self._step:
            started = time.monotonic()
            write(self._place(step), self._inputs, snapshot, world)
            # Nothing is removed before the manifest is written.
            world.any(flag=False)
            self._keep(sorted(self._steps())[-KEPT:])
            self._took_s = time.monotonic() - started
        self._step, self._last = step, time.monotonic()

    def load(self, world: World) -> Saved | None:
        """The newest that counts; None when there is none.

        Raises InvalidCheckpoint for that of another recipe, other settings or other data.
        """
        whole = {step for step in self._steps() if is_whole(self._place(step))}
        common = set.intersection(*world.gather(whole))
        self._step, saved = max(common, default=-1), None
        if common:
            saved = open_saved(self._place(self._step))
            if saved.inputs != self._inputs:
                raise InvalidCheckpoint(self._folder.resolve(), got="that of another job")
        # What was begun after it will be written again.
        self._keep(range(self._step + 1))
        return saved

    def _place(self, step: int) -> Path:
        return self._folder / f"step-{step}"

    def _steps(self) -> list[int]:
        found = (folder.name.removeprefix("step-") for folder in self._folder.glob("step-*"))
        return [int(step) for step in found if step.isdecimal()]

    def _keep(self, steps: Container[int]) -> None:
        for step in self._steps():
            if step not in steps:
                # Processes of one host remove the same folders at the same time.
                shutil.rmtree(self._place(step), ignore_errors=True)
