"""What holds a network back from learning its training rows by heart, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training.figures.drawing import BLUE, GREY, ORANGE, Axis, Panel, Picture, axis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Run = Mapping[str, Any]

WIDTH, HEIGHT, LOWER_HEIGHT = 250, 290, 300
DASHES = "6 4"


def draw_overfitting(document: Mapping[str, Any]) -> bytes:
    """SVG of what `training.overfitting.study` gives: above, each variant's losses by epoch, a thin
    line a seed and their mean; below, R2 of each seed on training and test rows, and the means."""
    variants = document["variants"]
    width = WIDTH * len(variants)
    title = f"{document['recipe']}: over-fitting, and what helps against it"
    picture = Picture(width, HEIGHT + LOWER_HEIGHT, title)
    runs = [run for found in variants.values() for run in found["runs"]]
    losses = axis("loss", [loss for run in runs for loss in (*run["train_loss"], *run["val_loss"])])
    epochs = Axis("epoch", 0, max(len(run["val_loss"]) for run in runs), whole=True)
    for place, (name, found) in enumerate(variants.items()):
        panel = Panel(picture, place * WIDTH, 0, WIDTH, HEIGHT, name, epochs, losses)
        _draw_losses(panel, found["runs"], "train_loss", BLUE, "")
        _draw_losses(panel, found["runs"], "val_loss", ORANGE, DASHES)
        panel.legend("training", BLUE)
        panel.legend("validation", ORANGE, dashes=DASHES)
    _draw_r2(picture, variants, width)
    return picture.svg()


def _draw_losses(panel: Panel, runs: Sequence[Run], key: str, colour: str, dashes: str) -> None:
    for run in runs:
        panel.line(_by_epoch(run[key]), colour, width=1, opacity=0.25)
    # As far as all of them went.
    shortest = min(len(run[key]) for run in runs)
    mean = np.mean([run[key][:shortest] for run in runs], axis=0)
    panel.line(_by_epoch(mean.tolist()), colour, dashes=dashes, width=2.5)


def _draw_r2(picture: Picture, variants: Mapping[str, Any], width: float) -> None:
    runs = [run for found in variants.values() for run in found["runs"]]
    up = axis("R²", [run[key] for run in runs for key in ("train_r2", "test_r2")])
    across = Axis("", 0, len(variants), names=tuple(variants))
    panel = Panel(
        picture, 0, HEIGHT, width, LOWER_HEIGHT, "R² of the network that was kept", across, up
    )
    panel.legend("training rows, a seed each", BLUE, dot=True)
    panel.legend("test rows, a seed each", ORANGE, dot=True)
    panel.legend("mean", GREY)
    for place, found in enumerate(variants.values()):
        for key, shift, colour in (("train_r2", 0.32, BLUE), ("test_r2", 0.62, ORANGE)):
            left = place + shift
            for x, run in zip(_spread(len(found["runs"])), found["runs"], strict=True):
                panel.dot(left + x, run[key], colour, radius=3.5, opacity=0.6)
            panel.line([(left - 0.11, found[key]), (left + 0.11, found[key])], GREY, width=2.5)
            panel.text(left + 0.13, found[key], f"{found[key]:.3f}")


def _spread(count: int) -> NDArray[np.float64]:
    """Beside each other, so that dots of one height are two."""
    return np.linspace(-0.08, 0.08, count) if count > 1 else np.zeros(1)


def _by_epoch(losses: Sequence[float]) -> list[tuple[float, float]]:
    return [(epoch, loss) for epoch, loss in enumerate(losses, start=1)]
