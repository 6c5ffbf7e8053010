"""The honest baseline on the same pictures: a support vector machine on their pixels."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from training.data.images.decoding import fit, from_pixels
from training.families.family import judged_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from training.data.dataset import Rows
    from training.data.images.dataset import VisionDataset

# What is chosen from on the validation split; widths are of scikit-learn's own, 1 / (pixels *
# variance).
PENALTIES = (1.0, 10.0)
WIDTHS = (0.5, 1.0, 2.0, 4.0)
TEMPERATURES = tuple(2 ** (exponent / 4) for exponent in range(-20, 9))
# It takes the square of the rows, and each time all pixels.
MOST_SIDE = 32
_PART = 256


class Fitted(NamedTuple):
    """What it is, in words, and its answers: numbers of some rows to float64 probabilities [rows,
    classes]."""

    model: str
    answer: Callable[[Rows, NDArray[np.int64]], NDArray[np.float64]]


def fit_baseline(dataset: VisionDataset, size: int) -> Fitted:
    """An SVC with a radial kernel, fitted on the rows of the training split that are judged.

    Penalty, width and the temperature that makes probabilities of its margins are those with the
    least loss on the validation split.
    """
    from sklearn.svm import SVC

    side = min(size, MOST_SIDE)
    numbers = judged_rows(len(dataset.train), "train")
    inputs, labels = _pixels(dataset.train, numbers, side), dataset.train.labels[numbers]
    known = np.arange(len(dataset.validation))
    held_out, wanted = _pixels(dataset.validation, known, side), dataset.validation.labels
    own_width = 1 / (inputs.shape[1] * float(inputs.var()) or 1.0)
    machines = [
        SVC(C=penalty, gamma=width * own_width).fit(inputs, labels)
        for penalty in PENALTIES
        for width in WIDTHS
    ]
    margins = [_margins(machine, held_out) for machine in machines]
    best, temperature = min(
        itertools.product(range(len(machines)), TEMPERATURES),
        key=lambda each: _surprise(margins[each[0]] / each[1], wanted),
    )
    machine = machines[best]

    def answer(rows: Rows, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        return _softmax(_margins(machine, _pixels(rows, numbers, side)) / temperature)

    words = f"support vector machine, radial kernel, C {machine.C:g} chosen on validation"
    if len(numbers) < len(dataset.train):
        words = f"{words}, fitted on {len(numbers)} training pictures"
    return Fitted(words if side == size else f"{words}, {side}x{side} pixels", answer)


def _pixels(rows: Rows, numbers: NDArray[np.int64], side: int) -> NDArray[np.float32]:
    """float32 [rows, side * side * channels], 0 to 1."""
    parts = []
    for start in range(0, len(numbers), _PART):
        pictures = rows.take(numbers[start : start + _PART])[0]
        if pictures.shape[1] != side:
            pictures = np.stack([fit(from_pixels(picture), side) for picture in pictures])
        parts.append(pictures.reshape(len(pictures), -1).astype(np.float32) / 255)
    return np.concatenate(parts)


def _margins(machine: Any, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """float64 [rows, classes]; of two classes scikit-learn gives one column."""
    margins: NDArray[np.float64] = machine.decision_function(inputs)
    return np.column_stack((-margins, margins)) if margins.ndim == 1 else margins


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return result


def _surprise(values: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Nats per row."""
    given = _softmax(values)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(given, np.finfo(np.float64).tiny)).mean())
