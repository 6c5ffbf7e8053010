"""A checkpoint: one file, replaced whole, that only the job which wrote it goes on from."""

from __future__ import annotations

import hashlib
import json
import pickle
from typing import TYPE_CHECKING, Any

import torch

from training.errors import InvalidCheckpoint

if TYPE_CHECKING:
    from pathlib import Path

    from training.data.dataset import Dataset
    from training.recipe import Recipe


class Checkpoint:
    """The state of a training run in `<folder>/checkpoint.pt`."""

    def __init__(self, folder: Path, recipe: Recipe, dataset: Dataset) -> None:
        self._file = folder / "checkpoint.pt"
        inputs = json.dumps([recipe.document(), dataset.digest], sort_keys=True)
        self._inputs = hashlib.sha256(inputs.encode()).hexdigest()

    def save(self, state: dict[str, Any]) -> None:
        """Write the state; a crash in between leaves the one before."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._file.with_suffix(".part")
        torch.save({"inputs": self._inputs, "state": state}, unfinished)
        unfinished.replace(self._file)

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """The saved state, its tensors on the device; None when there is none.

        Raises InvalidCheckpoint for that of another recipe, other settings or other data.
        """
        if not self._file.exists():
            return None
        try:
            saved = torch.load(self._file, map_location=device, weights_only=True)
            inputs, state = saved["inputs"], saved["state"]
        except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, TypeError):
            raise InvalidCheckpoint(got="a file that cannot be read") from None
        if inputs != self._inputs:
            raise InvalidCheckpoint(got="that of another job")
        result: dict[str, Any] = state
        return result
