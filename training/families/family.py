"""What a kind of model must say of itself to be trained, exported and judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from training.data.dataset import Dataset
from training.evaluation.classes import evaluate_classes
from training.evaluation.numbers import evaluate_numbers
from training.objectives import Classification, Regression
from training.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from training.companions import Companion
    from training.data.dataset import Rows
    from training.evaluation.evaluation import Evaluation
    from training.recipe import Recipe
    from training.served import Served

    Tensors = Mapping[str, NDArray[Any]]
    Run = Callable[[Tensors], Tensors]

D = TypeVar("D", bound=Dataset)
# One row alone and a few together: a batch axis that only looks free would show.
GOLDEN_BATCHES = (1, 7)
# Rows of one run while a split is judged.
JUDGED_BATCH = 256
# Of a larger training split these many rows are judged; held-out splits are judged whole.
JUDGED_TRAINING_ROWS = 5000


@dataclass(frozen=True, slots=True)
class Baseline:
    """The honest simple method: what it is, in words, and its figures by split."""

    model: str
    evaluations: Mapping[str, Evaluation]


class Family(ABC, Generic[D]):
    """One job's view of its family; the methods are called in the order in which they stand."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    @abstractmethod
    def write_data(self, folder: Path) -> str:
        """Write the recipe's own data as the files of a channel; the digest of that data.

        Not part of a job. Raises MissingPackage, MissingSystemPackage, InvalidData.
        """

    @abstractmethod
    def read(self, channel: Path | None) -> D:
        """The channel's data, or the recipe's own without a channel, cleaned and split.

        Raises InvalidData with the place and the reason, MissingPackage, InvalidSetting.
        """

    @abstractmethod
    def network(self, dataset: D) -> nn.Module:
        """A fresh network, drawn from torch's generator."""

    def stages(self, network: nn.Module, dataset: D) -> Sequence[Stage]:
        """How the network is trained; the last stage's validation figure decides."""
        settings = self.recipe.training
        objective = (
            Classification(settings, dataset.train.labels, len(dataset.classes))
            if self.recipe.task == "classification"
            else Regression(settings)
        )
        return [Stage("training", network, settings, dataset.train, dataset.validation, objective)]

    @abstractmethod
    def served(self, network: nn.Module, dataset: D) -> Served:
        """The network, on the CPU and in evaluation mode, as it is exported."""

    @abstractmethod
    def inputs(self, rows: Rows, numbers: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """What a caller of the served model would send for these rows."""

    def golden_inputs(self, dataset: D) -> Sequence[Tensors]:
        """What publishing checks: a few kilobytes, for they stand in the manifest."""
        rows = len(dataset.test)
        return [self.inputs(dataset.test, np.arange(size) % rows) for size in GOLDEN_BATCHES]

    def judge(self, run: Run, served: Served, dataset: D, split: str) -> Evaluation:
        """A split's figures by the answers of `run`, which is the exported file."""
        rows = dataset.splits()[split]
        numbers = judged_rows(len(rows), split)
        answers = np.concatenate(
            [
                run(self.inputs(rows, numbers[start : start + JUDGED_BATCH]))[served.judged]
                for start in range(0, len(numbers), JUDGED_BATCH)
            ]
        )
        return self.evaluation(answers, rows.labels[numbers], dataset)

    def evaluation(self, answers: NDArray[Any], labels: NDArray[Any], dataset: D) -> Evaluation:
        """Figures of predictions [rows, 1] or probabilities [rows, classes], by labels [rows]."""
        if self.recipe.task == "regression":
            return evaluate_numbers(answers, labels)
        return evaluate_classes(answers, labels, dataset.classes)

    def by_split(
        self, answer: Callable[[Any, NDArray[Any]], NDArray[Any]], dataset: D
    ) -> dict[str, Evaluation]:
        """Each split's figures by `answer(rows, numbers)`, on the rows that `judge` looks at."""
        found = {}
        for name, rows in dataset.splits().items():
            numbers = judged_rows(len(rows), name)
            found[name] = self.evaluation(answer(rows, numbers), rows.labels[numbers], dataset)
        return found

    @abstractmethod
    def baseline(self, dataset: D) -> Baseline:
        """Fitted on the training split, judged on all, on the rows that `judge` looks at."""

    def naive(self, dataset: D) -> Baseline | None:
        """What knows the training labels and no features, judged as `baseline` is.

        A family that models language gives its own, or None.
        """
        if self.recipe.task == "language_modelling":
            return None
        learned = dataset.train.labels
        evaluations = {
            split: _judge_naive(learned, rows.labels[judged_rows(len(rows), split)], dataset)
            for split, rows in dataset.splits().items()
        }
        if not dataset.classes:
            return Baseline("the training rows' mean", evaluations)
        most = dataset.classes[int(np.bincount(learned).argmax())]
        return Baseline(
            f"the classes' shares of the training rows, so always '{most}'", evaluations
        )

    def companions(self, network: nn.Module, dataset: D) -> Mapping[str, Companion]:
        """By path, other graphs of the network that are published beside the model."""
        del network, dataset
        return {}

    def files(self, network: nn.Module, dataset: D) -> Mapping[str, bytes]:
        """By path, what is published beside the model: a tokenizer, say."""
        del network, dataset
        return {}

    def evaluation_files(self, dataset: D) -> Mapping[str, bytes]:
        """By path, what is left beside the artefact for people and checks."""
        del dataset
        return {}


def _judge_naive(learned: NDArray[Any], labels: NDArray[Any], dataset: Dataset) -> Evaluation:
    if not dataset.classes:
        mean = learned.mean(dtype=np.float64)
        return evaluate_numbers(np.full((len(labels), 1), mean), labels)
    shares = np.bincount(learned, minlength=len(dataset.classes)) / len(learned)
    same = np.broadcast_to(shares, (len(labels), len(shares)))
    return evaluate_classes(same, labels, dataset.classes)


def judged_rows(count: int, split: str) -> NDArray[np.int64]:
    """The numbers of the rows that a split is judged by, ascending."""
    if split != "train" or count <= JUDGED_TRAINING_ROWS:
        return np.arange(count)
    chosen = np.random.default_rng(0).choice(count, JUDGED_TRAINING_ROWS, replace=False)
    return np.sort(chosen)
