"""How training went: loss and measure by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.figures.drawing import BLUE, GREY, ORANGE, Axis, Panel, Picture, axis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Curve = Sequence[Mapping[str, float]]

WIDTH, HEIGHT = 440, 300
DASHES = "6 4"
NAMES = {"val_r2": "R²"}
# More points than a figure has room for are left out, one as the other.
MOST_POINTS = 400
# Few epochs are seen better as points.
FEW = 30


def draw_curves(name: str, curves: Mapping[str, Curve], epoch_kept: int) -> bytes:
    """SVG: a row for each stage, on the left the loss on both splits, on the right what the
    validation split is measured by. The epoch that was kept is the last stage's."""
    shown = {stage: curve for stage, curve in curves.items() if curve}
    picture = Picture(2 * WIDTH, HEIGHT * max(1, len(shown)), f"{name}: learning curves")
    for row, (stage, curve) in enumerate(shown.items()):
        kept = epoch_kept if row == len(shown) - 1 else None
        title = "" if len(shown) == 1 else f"{stage}: "
        _draw_loss(picture, row, title, curve, kept)
        measures = [key for key in curve[-1] if key.startswith("val_") and key != "val_loss"]
        for measure in measures[:1]:
            _draw_measure(picture, row, title, curve, measure, kept)
    return picture.svg()


def _draw_loss(picture: Picture, row: int, title: str, curve: Curve, kept: int | None) -> None:
    losses = [point[key] for point in curve for key in ("train_loss", "val_loss")]
    panel = Panel(
        picture,
        0,
        row * HEIGHT,
        WIDTH,
        HEIGHT,
        f"{title}loss",
        _epochs(curve),
        axis("loss", losses),
    )
    _draw_line(panel, curve, "train_loss", BLUE, "training")
    _draw_line(panel, curve, "val_loss", ORANGE, "validation", dashes=DASHES)
    _draw_kept(panel, kept)


def _draw_measure(
    picture: Picture, row: int, title: str, curve: Curve, measure: str, kept: int | None
) -> None:
    words = NAMES.get(measure, measure.removeprefix("val_").replace("_", " "))
    panel = Panel(
        picture,
        WIDTH,
        row * HEIGHT,
        WIDTH,
        HEIGHT,
        f"{title}validation {words}",
        _epochs(curve),
        axis(words, [point[measure] for point in curve]),
    )
    _draw_line(panel, curve, measure, ORANGE, "validation", dashes=DASHES)
    _draw_kept(panel, kept)


def _draw_line(
    panel: Panel, curve: Curve, key: str, colour: str, text: str, *, dashes: str = ""
) -> None:
    every = -(-len(curve) // MOST_POINTS)
    points = [(point["epoch"], point[key]) for point in [*curve[:-1:every], curve[-1]]]
    panel.line(points, colour, dashes=dashes)
    for x, y in points if len(points) <= FEW else ():
        panel.dot(x, y, colour)
    panel.legend(text, colour, dashes=dashes)


def _draw_kept(panel: Panel, kept: int | None) -> None:
    if kept is not None:
        low, high = panel.vertical.low, panel.vertical.high
        panel.line([(kept, low), (kept, high)], GREY, dashes="2 3", width=1.5)
        panel.legend(f"epoch {kept}, kept", GREY, dashes="2 3")


def _epochs(curve: Curve) -> Axis:
    return Axis("epoch", 0, curve[-1]["epoch"], whole=True)
