"""The result's folder: `model.onnx`, `manifest.json`, and `evaluation/` for people and checks."""

from __future__ import annotations

import csv
import hashlib
import platform
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import orjson
import torch

from infermeter.manifest import MANIFEST_FILE, MODEL_FILE, Gate, Golden, Manifest, ModelFile
from training.export import run_network
from training.job import REPORT_FILE
from training.tasks import LOWER_IS_BETTER, METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from torch import nn

    from infermeter.signature import Signature
    from training.data.components import Components
    from training.data.dataset import Dataset
    from training.evaluate import Evaluation
    from training.export import Export
    from training.recipe import Recipe

EVALUATION = "evaluation"
TEST_FILE = f"{EVALUATION}/test.csv"
PROJECTION_FILE = f"{EVALUATION}/projection.csv"
DATA_FILE = f"{EVALUATION}/data.json"
# One row alone and a few together: a batch axis that only looks free would show.
GOLDEN_BATCHES = (1, 7)
# Of the largest answer, where that is more than 1.
GOLDEN_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Result:
    """What training came to. `network` gives what `signature` promises, on the CPU;
    `evaluations` and `baseline` are by split, the latter of `baseline_model`; `curve` has a point
    for each epoch."""

    recipe: Recipe
    dataset: Dataset
    network: nn.Module
    signature: Signature
    export: Export
    evaluations: Mapping[str, Evaluation]
    baseline_model: str
    baseline: Mapping[str, Evaluation]
    device: str
    epoch_kept: int
    curve: Sequence[Mapping[str, float]]

    def metrics(self) -> dict[str, dict[str, float]]:
        """Split to metric to value; the baseline's stand beside the model's own."""
        return {
            split: {
                "rows": evaluation.rows,
                **{metric: getattr(evaluation, metric) for metric in METRICS[self.recipe.task]},
                **{
                    f"baseline_{metric}": getattr(self.baseline[split], metric)
                    for metric in METRICS[self.recipe.task]
                },
            }
            for split, evaluation in self.evaluations.items()
        }


def write_artifact(folder: Path, result: Result, seconds: Mapping[str, float]) -> None:
    """Write everything that goes beside the folder's `model.onnx`.

    The report alone holds times, so the rest is the same whenever the result is.
    """
    (folder / EVALUATION).mkdir(parents=True, exist_ok=True)
    _write_test_rows(folder / TEST_FILE, result.dataset)
    if (components := result.dataset.components) is not None:
        _write_projection(folder / PROJECTION_FILE, components, result.dataset.features)
    (folder / DATA_FILE).write_bytes(_json(result.dataset.report.document()))
    manifest = _manifest(result, (folder / MODEL_FILE).read_bytes())
    (folder / MANIFEST_FILE).write_bytes(manifest.to_json())
    (folder / REPORT_FILE).write_bytes(_report(result, seconds))


def _manifest(result: Result, model: bytes) -> Manifest:
    recipe, dataset, export = result.recipe, result.dataset, result.export
    return Manifest(
        name=recipe.name,
        family=recipe.family,
        signature=result.signature,
        files=(ModelFile(MODEL_FILE, len(model), hashlib.sha256(model).hexdigest()),),
        golden=tuple(_golden(result, size) for size in GOLDEN_BATCHES),
        gate=Gate(
            metric=recipe.gate.metric,
            threshold=recipe.gate.threshold,
            split=recipe.gate.split,
            direction="at_most" if recipe.gate.metric in LOWER_IS_BETTER else "at_least",
        ),
        metrics=result.metrics(),
        preprocessing=_preprocessing(dataset),
        lineage={
            "recipe": recipe.document(),
            "data": {
                "source": dataset.source,
                "digest": dataset.digest,
                "rows": dataset.report.summary(),
            },
            "training": {"device": result.device, "epoch_kept": result.epoch_kept},
            "export": {
                "opset": export.opset,
                "ir_version": export.ir_version,
                "operators": export.operators,
                "largest_difference_by_batch": {
                    str(size): difference for size, difference in export.parity.items()
                },
            },
            "versions": {
                "python": platform.python_version(),
                "torch": str(torch.__version__),
                "onnx": onnx.__version__,
                "onnxruntime": onnxruntime.__version__,
                "numpy": np.__version__,
            },
        },
    )


def _preprocessing(dataset: Dataset) -> str:
    """What a caller does with a row of the table before it is the model's input."""
    inside = "not standardised: the graph does that itself"
    if dataset.components is None:
        text = f"features are the columns {', '.join(dataset.features)}, {inside}"
        return text if dataset.filled is None else f"{text}; for a missing value give NaN"
    text = (
        f"features are the first {len(dataset.mean)} principal components of the training "
        f"split, {inside}; {PROJECTION_FILE} has the axes"
    )
    return (
        text if dataset.filled is None else f"{text} and the means, which stand for missing values"
    )


def _golden(result: Result, rows: int) -> Golden:
    """Test rows and PyTorch's answers to them."""
    features = result.dataset.test.features[:rows]
    answers = run_network(result.network, features)
    return Golden(
        inputs={result.signature.inputs[0].name: features.tolist()},
        outputs={result.signature.outputs[0].name: answers.tolist()},
        tolerance=GOLDEN_TOLERANCE * max(1.0, float(np.abs(answers).max())),
    )


def _write_test_rows(file: Path, dataset: Dataset) -> None:
    """The test split's raw model inputs and labels: the features, then the label."""
    test = dataset.test
    # str() of a numpy float is the shortest text that reads back as the same float32.
    rows = ((*map(str, row), label) for row, label in zip(test.features, test.labels, strict=True))
    _write_csv(file, (*dataset.features, dataset.schema.label), rows)


def _write_projection(file: Path, components: Components, features: Iterable[str]) -> None:
    """From a source row to features: `(row - mean) @ [f0 f1 ...]`, a line for each column."""
    columns = (components.mean, *components.axes)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    _write_csv(file, ("mean", *features), rows)


def _write_csv(file: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _report(result: Result, seconds: Mapping[str, float]) -> bytes:
    """Everything measured; `classes`, where there are any, name the rows and columns of each
    confusion matrix."""
    document: dict[str, Any] = {
        "classes": result.dataset.classes,
        "metrics": result.metrics(),
        "splits": {split: asdict(found) for split, found in result.evaluations.items()},
        "baseline": {
            "model": result.baseline_model,
            "splits": {split: asdict(found) for split, found in result.baseline.items()},
        },
        "epoch_kept": result.epoch_kept,
        "curve": result.curve,
        "seconds": {part: round(spent, 3) for part, spent in seconds.items()},
    }
    return _json(document)


def _json(document: Mapping[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
