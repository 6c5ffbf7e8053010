"""How good a model is: on each split, class by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one split. `recall` is the share of each class's rows that were found;
    `confusion[i][j]` counts rows of class i taken for class j; `loss` is in nats per row."""

    rows: int
    accuracy: float
    loss: float
    recall: Mapping[str, float]
    confusion: Sequence[Sequence[int]]


def evaluate(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], classes: Sequence[str]
) -> Evaluation:
    """Judge probabilities [rows, classes] by labels [rows]."""
    taken = probabilities.argmax(axis=1)
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (labels, taken), 1)
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    # A probability that float32 rounds to zero would make the loss infinite.
    surprise = -np.log(np.maximum(given, np.finfo(np.float32).tiny))
    return Evaluation(
        rows=len(labels),
        accuracy=float((taken == labels).mean()),
        loss=float(surprise.mean()),
        recall={
            name: float(confusion[i, i] / max(1, confusion[i].sum()))
            for i, name in enumerate(classes)
        },
        confusion=confusion.tolist(),
    )
