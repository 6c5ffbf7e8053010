"""A channel of texts of two classes, told by their words and by the order of two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("cloud", "wind", "fog", "hill", "lake", "bird", "tree", "road")


def write_weather(folder: Path, count: int = 60) -> None:
    """`count` texts of 4 to 15 words, each twice in different cases, with a number of its own."""
    random = np.random.default_rng(0)
    lines = ["text,label"]
    for number in range(count):
        label, pair = (("dry", "sun then rain"), ("wet", "rain then sun"))[number % 2]
        words = [*random.choice(WORDS, random.integers(1, 12)), pair]
        text = " ".join(random.permutation(words)) + f" {number:03d}" * 3
        lines += [f"{text},{label}", f"{text.upper()}!,{label}"]
    (folder / "weather.csv").write_text("\n".join(lines))
