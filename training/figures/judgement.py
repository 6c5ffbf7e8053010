"""What the figures of a split look like: confusion, reliability, residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.evaluation.calibration import BINS
from training.figures.drawing import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    SKY,
    Axis,
    Panel,
    Picture,
    axis,
    text_width,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.evaluation.calibration import Calibration
    from training.evaluation.classes import ClassEvaluation
    from training.evaluation.numbers import NumberEvaluation

WIDTH, HEIGHT = 420, 340
# The picture of many classes shrinks its cells, not below where a line of pixels is seen.
LARGEST_CELL, SMALLEST_CELL, GRID_SIZE = 44, 4, 640
SMALLEST_FONT = 7
MOST_DOTS = 1000
RESIDUAL_BARS = 20


def draw_confusion(name: str, split: str, evaluation: ClassEvaluation) -> bytes:
    """SVG: rows by their class, downwards, and the class taken, across; shaded by the share of the
    class's rows, with their number where there is room."""
    classes, counts = [*evaluation.recall], np.array(evaluation.confusion)
    cell = max(SMALLEST_CELL, min(LARGEST_CELL, GRID_SIZE // len(classes)))
    size, font = cell * len(classes), min(12, cell - 2)
    longest = max(text_width(each, 12) for each in classes)
    left, top = 58 + longest, 72 + longest * 0.75
    width = max(left + size + 30 + longest * 0.75, 400)
    picture = Picture(width, top + size + 16, f"{name}: confusion on the {split} split")
    picture.write(16, 24, f"Confusion, {split} split", size=14, font_weight="bold")
    picture.write(left, 46, "class taken →")
    picture.write(22, top + size / 2, "← class of the row", anchor="middle", turn=-90)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    # Of names that do not fit line under line, every second, third, ... is written.
    every = -(-13 // cell)
    for i, each in enumerate(classes):
        middle = (i + 0.5) * cell
        if i % every == 0:
            picture.write(left - 8, top + middle + 4, each, anchor="end")
            picture.write(left + middle + 4, top - 8, each, turn=-45)
        for j in np.flatnonzero(counts[i]).tolist():
            _draw_cell(
                picture, left + j * cell, top + i * cell, cell, font, shares[i, j], counts[i, j]
            )
    picture.add("rect", x=left, y=top, width=size, height=size, fill="none", stroke=GREY)
    return picture.svg()


def _draw_cell(
    picture: Picture, x: float, y: float, cell: int, font: int, share: float, count: int
) -> None:
    picture.add("rect", x=x, y=y, width=cell, height=cell, fill=_shade(share), stroke="#f0f0f0")
    font = min(font, int((cell - 2) / text_width(str(count), 1)))
    if font >= SMALLEST_FONT:
        colour = "#ffffff" if share > 0.5 else INK
        middle = x + cell / 2
        picture.write(
            middle, y + cell / 2 + font * 0.36, str(count), anchor="middle", size=font, fill=colour
        )


def draw_reliability(name: str, split: str, calibration: Calibration) -> bytes:
    """SVG: how often the class taken was right by how sure the model was, with intervals, and how
    many rows it was so sure of."""
    picture = Picture(2 * WIDTH, HEIGHT, f"{name}: reliability on the {split} split")
    confidence = Axis("confidence: the probability of the class taken", 0, 1)
    panel = Panel(
        picture,
        0,
        0,
        WIDTH,
        HEIGHT,
        f"Reliability, {split} split",
        confidence,
        Axis("share that was right", 0, 1),
    )
    panel.line([(0, 0), (1, 1)], GREY, dashes="4 4", width=1.5)
    bins = calibration.bins
    panel.line([(each.confidence, each.accuracy) for each in bins], BLUE)
    for each in bins:
        panel.whisker(each.confidence, *each.interval, BLUE)
        panel.dot(each.confidence, each.accuracy, BLUE, radius=4)
    panel.legend("model, 95 %", BLUE)
    panel.legend("as sure as right", GREY, dashes="4 4")
    rows = axis("rows", [0, *(each.rows for each in bins)], whole=True)
    error = calibration.expected_calibration_error
    title = f"Rows; expected calibration error {error:.3f}"
    counts = Panel(picture, WIDTH, 0, WIDTH, HEIGHT, title, confidence, rows)
    for each in bins:
        counts.bar(each.low, each.high, each.rows, SKY)
    counts.legend(f"rows of each of {BINS} bins", SKY)
    return picture.svg()


def draw_residuals(name: str, split: str, evaluation: NumberEvaluation) -> bytes:
    """SVG: predictions by the true numbers, and how often they are how far off."""
    picture = Picture(2 * WIDTH, HEIGHT, f"{name}: predictions on the {split} split")
    # Of what no axis holds the report tells.
    finite = np.isfinite(evaluation.predictions)
    predictions, numbers = evaluation.predictions[finite], evaluation.numbers[finite]
    shown = np.unique(np.linspace(0, len(numbers) - 1, MOST_DOTS).round().astype(int))
    both = axis("true number", [*numbers[shown].tolist(), *predictions[shown].tolist()])
    panel = Panel(
        picture,
        0,
        0,
        WIDTH,
        HEIGHT,
        f"Predictions, {split} split",
        both,
        Axis("prediction", both.low, both.high),
    )
    panel.line([(both.low, both.low), (both.high, both.high)], GREY, dashes="4 4", width=1.5)
    for number in shown.tolist():
        panel.dot(numbers[number], predictions[number], BLUE, opacity=0.55)
    panel.legend(
        "row" if len(shown) == len(numbers) else f"{len(shown)} of the rows", BLUE, dot=True
    )
    panel.legend("exactly right", GREY, dashes="4 4")
    _draw_histogram(picture, predictions - numbers, evaluation)
    return picture.svg()


def _draw_histogram(
    picture: Picture, residuals: NDArray[np.float64], evaluation: NumberEvaluation
) -> None:
    counts, edges = np.histogram(residuals, RESIDUAL_BARS)
    title = f"Residuals; R² {evaluation.r2:.3f}, mean error {evaluation.mae:.3g}"
    across = axis("prediction minus true number", edges.tolist())
    up = axis("rows", [0, int(counts.max())], whole=True)
    panel = Panel(picture, WIDTH, 0, WIDTH, HEIGHT, title, across, up)
    for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True):
        panel.bar(float(left), float(right), float(count), SKY)
    panel.line([(0, up.low), (0, up.high)], GREY, dashes="4 4", width=1.5)
    panel.line([(evaluation.bias, up.low), (evaluation.bias, up.high)], ORANGE)
    panel.legend(f"bias {evaluation.bias:.3g}", ORANGE)


def _shade(share: float) -> str:
    """White to blue."""
    ends = ((255, 255, 255), (0, 82, 147))
    mixed = (round(low + (high - low) * float(share)) for low, high in zip(*ends, strict=True))
    return "#{:02x}{:02x}{:02x}".format(*mixed)
