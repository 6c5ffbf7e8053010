"""Classes: which was taken, and how sure the model was."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from training.evaluation.calibration import Calibration, calibrate
from training.evaluation.intervals import (
    Interval,
    by_group,
    groups,
    of_each,
    percentiles,
    resampled,
    wilson,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

# Of more classes than `TOP_FROM`, a row counts as nearly right where its own is among so many.
TOP = 5
TOP_FROM = 10


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Row by row [rows]: the label, the class taken, the surprise at the label in nats, the square
    distance of the probabilities from the truth, whether the label is among the `TOP` likeliest."""

    labels: NDArray[np.int64]
    taken: NDArray[np.int64]
    surprise: NDArray[np.float64]
    distance: NDArray[np.float64]
    near: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ClassEvaluation:
    """Figures of one split. `recall` is the share of each class's rows that were found;
    `confusion[i][j]` counts rows of class i taken for class j; `loss` is in nats per row.

    `macro_f1` is the mean over the classes that have rows or were taken; `brier_score` the mean
    square distance of probabilities and truth over all classes, 0 to 2; `top_5` is None for few
    classes.
    """

    rows: int
    accuracy: float
    loss: float
    macro_f1: float
    brier_score: float
    top_5: float | None
    recall: Mapping[str, float]
    confusion: Sequence[Sequence[int]]
    calibration: Calibration
    answers: Answers = field(repr=False)

    def terms(self) -> NDArray[np.float64]:
        """What `figures` takes the sums of, by group of rows [groups, 5 + 3 * classes]: rows, how
        many were right, surprise, distance, how many nearly right, and for each class how often it
        is the label, was taken, was both."""
        answers, numbers = self.answers, groups(self.rows)
        right = answers.labels == answers.taken
        parts = [np.ones(self.rows), right, answers.surprise, answers.distance, answers.near]
        sums = by_group(np.column_stack(parts).astype(np.float64), numbers)
        found = np.zeros((3, len(sums), len(self.confusion)))
        np.add.at(found[0], (numbers, answers.labels), 1)
        np.add.at(found[1], (numbers, answers.taken), 1)
        np.add.at(found[2], (numbers[right], answers.labels[right]), 1)
        return np.hstack([sums, *found])

    def figures(self, sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The figures by sums of `terms` [..., terms]."""
        rows, right, surprise, distance, near = (sums[..., number] for number in range(5))
        f1, counts = _f1(sums[..., 5:])
        found = {
            "accuracy": right / rows,
            "loss": surprise / rows,
            "macro_f1": f1.sum(axis=-1) / counts.sum(axis=-1),
            "brier_score": distance / rows,
        }
        return found if self.top_5 is None else {**found, "top_5": near / rows}

    def document(self) -> dict[str, Any]:
        """Everything, with intervals, fit for JSON."""
        sums = resampled(self.terms())
        right = sum(row[number] for number, row in enumerate(self.confusion))
        intervals = {**of_each(self.figures(sums)), "accuracy": wilson(right, self.rows)}
        if self.top_5 is not None:
            intervals["top_5"] = wilson(int(self.answers.near.sum()), self.rows)
        return {
            "rows": self.rows,
            **{name: getattr(self, name) for name in intervals},
            "intervals": intervals,
            "recall": dict(self.recall),
            "per_class": self._per_class(sums),
            "confusion": self.confusion,
            "calibration": asdict(self.calibration),
        }

    def _per_class(self, sums: NDArray[np.float64]) -> list[dict[str, Any]]:
        """In the order of the classes; null for what has no rows to be a share of."""
        resampled_f1, _ = _f1(sums[..., 5:])
        confusion = np.array(self.confusion)
        found = []
        for number, name in enumerate(self.recall):
            hits, support = int(confusion[number, number]), int(confusion[number].sum())
            taken = int(confusion[:, number].sum())
            found.append(
                {
                    "class": name,
                    "support": support,
                    "precision": _share(hits, taken),
                    "recall": _share(hits, support),
                    "f1": _share(2 * hits, support + taken),
                    "intervals": {
                        "precision": _interval(hits, taken),
                        "recall": _interval(hits, support),
                        "f1": percentiles(resampled_f1[:, number]) if support + taken else None,
                    },
                }
            )
        return found


def evaluate_classes(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64], classes: Sequence[str]
) -> ClassEvaluation:
    """Judge probabilities [rows, classes] by labels [rows]."""
    numbers = np.arange(len(labels))
    taken = probabilities.argmax(axis=1)
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (labels, taken), 1)
    given = probabilities[numbers, labels].astype(np.float64)
    squares = np.einsum("rc,rc->r", probabilities, probabilities, dtype=np.float64)
    answers = Answers(
        labels=labels,
        taken=taken,
        # A probability that float32 rounds to zero would make the loss infinite.
        surprise=-np.log(np.maximum(given, np.finfo(np.float32).tiny)),
        distance=squares - 2 * given + 1,
        # Of equal probabilities the first counts, as it does for the class taken.
        near=_rank(probabilities, labels) < TOP,
    )
    f1, counts = _f1(_class_counts(confusion))
    return ClassEvaluation(
        rows=len(labels),
        accuracy=accuracy(probabilities, labels),
        loss=float(answers.surprise.mean()),
        macro_f1=float(f1.sum() / counts.sum()),
        brier_score=float(answers.distance.mean()),
        top_5=float(answers.near.mean()) if len(classes) > TOP_FROM else None,
        recall={
            name: float(confusion[i, i] / max(1, confusion[i].sum()))
            for i, name in enumerate(classes)
        },
        confusion=confusion.tolist(),
        calibration=calibrate(probabilities[numbers, taken].astype(np.float64), taken == labels),
        answers=answers,
    )


def accuracy(scores: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The share of rows whose largest score [rows, classes] is that of their label [rows]."""
    return float((scores.argmax(axis=1) == labels).mean())


def _rank(scores: NDArray[np.floating], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many classes come before each row's own [rows]."""
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    before = (scores == own) & (np.arange(scores.shape[1]) < labels[:, None])
    ranks: NDArray[np.int64] = ((scores > own) | before).sum(axis=1)
    return ranks


def _class_counts(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each class the rows, how often it was taken, and how often rightly, as `terms` has it."""
    parts = [confusion.sum(axis=1), confusion.sum(axis=0), confusion.diagonal()]
    return np.concatenate(parts).astype(np.float64)


def _f1(counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """By `_class_counts` [..., 3 * classes] the F1 of each class [..., classes], and whether it
    has one: it is 0 for a class that has no rows and was not taken."""
    support, taken, hits = np.split(counts, 3, axis=-1)
    there = support + taken > 0
    return 2 * hits / np.where(there, support + taken, 1.0), there


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _interval(part: int, whole: int) -> Interval | None:
    return wilson(part, whole) if whole else None
