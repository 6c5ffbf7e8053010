"""Pictures and folders of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from training.recipe import Recipe, load

if TYPE_CHECKING:
    from pathlib import Path


def noise(seed: int, *shape: int) -> np.ndarray:
    """uint8, each seed another."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(file: Path, values: np.ndarray, **options: Any) -> Path:
    """A picture file of these pixels, its folders made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(file, **options)
    return file


def fill(channel: Path, count: int = 5, first: int = 0, classes: str = "ab") -> None:
    """`count` different grey pictures of 6 by 5 for each class."""
    for place, name in enumerate(classes):
        for number in range(count):
            seed = first + place * 1000 + number
            save(channel / name / f"{number}.png", noise(seed, 5, 6))


def recipe(**overrides: str) -> Recipe:
    """`vision` for the channel's own classes, but for the overrides."""
    return load("vision", {"source": "folders", **overrides})
