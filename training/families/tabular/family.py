"""The family `tabular`."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES
from training.data.tables.categories import UNKNOWN
from training.data.tables.dataset import TabularDataset, read_dataset, write_data
from training.families.family import Baseline, Family
from training.families.tabular.baseline import fit_baseline
from training.families.tabular.network import (
    INPUT,
    PREDICTION,
    PROBABILITIES,
    Classifier,
    Regressor,
    TabularNetwork,
)
from training.served import Served

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from training.data.dataset import Rows
    from training.data.tables.components import Components

TEST_FILE = "evaluation/test.csv"
PROJECTION_FILE = "evaluation/projection.csv"


class Tabular(Family[TabularDataset]):
    """Rows of numbers in, a class or a number out."""

    def write_data(self, folder: Path) -> str:
        """See `Family`."""
        return write_data(self.recipe, folder)

    def read(self, channel: Path | None) -> TabularDataset:
        """See `Family`."""
        return read_dataset(self.recipe, channel)

    def network(self, dataset: TabularDataset) -> nn.Module:
        """See `Family`."""
        return TabularNetwork(self.recipe.network, dataset)

    def served(self, network: nn.Module, dataset: TabularDataset) -> Served:
        """`features` FP32 [-1, features] to `probabilities` FP32 [-1, classes], or to `prediction`
        FP32 [-1, 1]."""
        fp32 = DATATYPES["FP32"]
        module: nn.Module
        if dataset.target is None:
            against_the_rest = self.recipe.training.loss == "binary_crossentropy"
            module = Classifier(network, against_the_rest=against_the_rest)
            output = TensorSpec(PROBABILITIES, fp32, (-1, len(dataset.classes)), dataset.classes)
        else:
            module = Regressor(network, dataset.target)
            output = TensorSpec(PREDICTION, fp32, (-1, 1))
        return Served(
            module=module,
            signature=Signature((TensorSpec(INPUT, fp32, (-1, len(dataset.features))),), (output,)),
            judged=output.name,
            preprocessing=_preprocessing(dataset),
        )

    def inputs(self, rows: Rows, numbers: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """See `Family`."""
        return {INPUT: rows.take(numbers)[0]}

    def baseline(self, dataset: TabularDataset) -> Baseline:
        """Logistic regression for classes, ridge for numbers."""
        model, answer = fit_baseline(dataset)
        answers = self.by_split(lambda rows, numbers: answer(rows.take(numbers)[0]), dataset)
        return Baseline(model, answers)

    def evaluation_files(self, dataset: TabularDataset) -> Mapping[str, bytes]:
        """The test split as a caller sends it, and the way from a source row to the features."""
        files = {TEST_FILE: _test_rows(dataset)}
        if dataset.components is not None:
            files[PROJECTION_FILE] = _projection(dataset.components, dataset.features)
        return files


def _preprocessing(dataset: TabularDataset) -> str:
    """What a caller does with a row of the table before it is the model's input."""
    inside = "not standardised: the graph does that itself"
    if dataset.components is None:
        text = f"features are the columns {', '.join(dataset.features)}, {inside}"
        if dataset.schema.categories:
            text += f"; a category is the number that stands for it: {_categories(dataset)}"
        return text if dataset.filled is None else f"{text}; for a missing value give NaN"
    text = (
        f"features are the first {len(dataset.mean)} principal components of the training "
        f"split, {inside}; {PROJECTION_FILE} in the training job's output, which is not "
        "published with the model, has the axes"
    )
    return (
        text if dataset.filled is None else f"{text} and the means, which stand for missing values"
    )


def _categories(dataset: TabularDataset) -> str:
    """As JSON, so that a caller may read it from there: `{"city": {"Bern": 0, "Rome": 1}}`."""
    numbers = {
        column: {name: number for number, name in enumerate(names)}
        for column, names in dataset.schema.categories.items()
    }
    return f"{json.dumps(numbers, ensure_ascii=False)}, {UNKNOWN} for any other"


def _test_rows(dataset: TabularDataset) -> bytes:
    """The test split's raw model inputs and labels: the features, then the label."""
    test = dataset.test
    # str() of a numpy float is the shortest text that reads back as the same float32.
    rows = ((*map(str, row), label) for row, label in zip(test.features, test.labels, strict=True))
    return _csv((*dataset.features, dataset.schema.label), rows)


def _projection(components: Components, features: Iterable[str]) -> bytes:
    """From a source row to features: `(row - mean) @ [f0 f1 ...]`, a line for each column."""
    columns = (components.mean, *components.axes)
    rows = zip(*(np.asarray(column).tolist() for column in columns), strict=True)
    return _csv(("mean", *features), rows)


def _csv(header: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()
