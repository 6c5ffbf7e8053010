"""How good a model is: on each split, class by class, or number by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ClassEvaluation:
    """Figures of one split. `recall` is the share of each class's rows that were found;
    `confusion[i][j]` counts rows of class i taken for class j; `loss` is in nats per row."""

    rows: int
    accuracy: float
    loss: float
    recall: Mapping[str, float]
    confusion: Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class NumberEvaluation:
    """Figures of one split, all but `r2` in the number's own unit. `r2` is the share of the
    variance that is explained, `bias` the mean of prediction minus number, `largest_error` the
    largest absolute difference."""

    rows: int
    r2: float
    mae: float
    rmse: float
    bias: float
    largest_error: float


Evaluation = ClassEvaluation | NumberEvaluation


def evaluate_classes(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], classes: Sequence[str]
) -> ClassEvaluation:
    """Judge probabilities [rows, classes] by labels [rows]."""
    taken = probabilities.argmax(axis=1)
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (labels, taken), 1)
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    # A probability that float32 rounds to zero would make the loss infinite.
    surprise = -np.log(np.maximum(given, np.finfo(np.float32).tiny))
    return ClassEvaluation(
        rows=len(labels),
        accuracy=accuracy(probabilities, labels),
        loss=float(surprise.mean()),
        recall={
            name: float(confusion[i, i] / max(1, confusion[i].sum()))
            for i, name in enumerate(classes)
        },
        confusion=confusion.tolist(),
    )


def evaluate_numbers(
    predictions: NDArray[np.floating], numbers: NDArray[np.floating]
) -> NumberEvaluation:
    """Judge predictions [rows, 1] by numbers [rows]."""
    difference = predictions[:, 0].astype(np.float64) - numbers
    return NumberEvaluation(
        rows=len(numbers),
        r2=r2(predictions, numbers[:, None]),
        mae=float(np.abs(difference).mean()),
        rmse=float(np.sqrt(np.square(difference).mean())),
        bias=float(difference.mean()),
        largest_error=float(np.abs(difference).max()),
    )


def accuracy(scores: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The share of rows whose largest score [rows, classes] is that of their label [rows]."""
    return float((scores.argmax(axis=1) == labels).mean())


def r2(predictions: NDArray[np.floating], numbers: NDArray[np.floating]) -> float:
    """1 - squared error / squared deviation from the mean; both arrays of one shape.

    As scikit-learn has it, 1 or 0 for numbers that do not differ: met, or not.
    """
    exact = numbers.astype(np.float64)
    error = float(np.square(predictions - exact).sum())
    deviation = float(np.square(exact - exact.mean()).sum())
    if deviation > 0:
        return 1 - error / deviation
    return 1.0 if error == 0 else 0.0
