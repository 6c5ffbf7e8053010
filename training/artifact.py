"""The result's folder: `model.onnx`, `manifest.json`, and `evaluation/` for people and checks."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import orjson
import torch

from infermeter.manifest import MANIFEST_FILE, MODEL_FILE, Gate, Golden, Manifest, ModelFile
from training.card.document import card_document
from training.card.markdown import card_markdown
from training.data.channel_files import files_lineage, listing
from training.external import with_weights_outside
from training.figures.gallery import draw_figures
from training.job import CARD_FILE, REPORT_FILE
from training.report import report_document
from training.tasks import LOWER_IS_BETTER, METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.compression.outcome import Outcome
    from training.data.channel_files import ChannelFile
    from training.data.dataset import Dataset
    from training.evaluation.evaluation import Evaluation
    from training.exported import Exported
    from training.families.family import Baseline
    from training.recipe import Recipe

EVALUATION = "evaluation"
DATA_FILE = f"{EVALUATION}/data.json"
CHANNEL_FILE = f"{EVALUATION}/channel.sha256"
COMPRESSION_FILE = f"{EVALUATION}/compression.json"


@dataclass(frozen=True, slots=True)
class Result:
    """What training came to. `evaluations` are by split; `files` are published beside the model,
    `evaluation_files` are not; `curves` has a point for each epoch of each stage."""

    recipe: Recipe
    dataset: Dataset
    exported: Exported
    evaluations: Mapping[str, Evaluation]
    baseline: Baseline
    golden_inputs: Sequence[Mapping[str, NDArray[Any]]]
    files: Mapping[str, bytes]
    evaluation_files: Mapping[str, bytes]
    device: str
    processes: int
    epoch_kept: int
    curves: Mapping[str, Sequence[Mapping[str, float]]]
    naive: Baseline | None = None
    compression: Outcome | None = None
    channel: Sequence[ChannelFile] = ()

    def metrics(self) -> dict[str, dict[str, float]]:
        """Split to metric to value; the baseline's stand beside the model's own, and the dense
        model's where a compressed one took its place."""
        others = {"baseline_": self.baseline.evaluations}
        if self.compression is not None and self.compression.verdict.passed:
            others["dense_"] = self.compression.steps[0].evaluations
        return {
            split: {
                "rows": evaluation.rows,
                **{
                    f"{whose}{metric}": getattr(found[split], metric)
                    for whose, found in {"": self.evaluations, **others}.items()
                    for metric in METRICS[self.recipe.task]
                },
            }
            for split, evaluation in self.evaluations.items()
        }


def write_artifact(folder: Path, result: Result, seconds: Mapping[str, float]) -> None:
    """Write everything that goes beside the folder's `model.onnx`.

    The report alone holds times, so the rest is the same whenever the result is.
    """
    model = (folder / MODEL_FILE).read_bytes()
    files = with_weights_outside({MODEL_FILE: model, **result.files})
    report = report_document(result)
    extra = {
        **files,
        **result.evaluation_files,
        **draw_figures(result),
        DATA_FILE: _json(result.dataset.report.document()),
        REPORT_FILE: _json({**report, "seconds": _rounded(seconds)}),
    }
    if result.channel:
        extra[CHANNEL_FILE] = listing(result.channel)
    if result.compression is not None:
        extra[COMPRESSION_FILE] = _json(result.compression.document(METRICS[result.recipe.task]))
    for path, content in extra.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    manifest = _manifest(result, files)
    card = card_document(result, report, manifest)
    text = card_markdown(card)
    (folder / CARD_FILE).write_text(text, encoding="utf-8")
    manifest = replace(manifest, card={**card, "markdown": text})
    (folder / MANIFEST_FILE).write_bytes(manifest.to_json())


def _manifest(result: Result, files: Mapping[str, bytes]) -> Manifest:
    recipe, dataset, export = result.recipe, result.dataset, result.exported.export
    return Manifest(
        name=recipe.name,
        family=recipe.family,
        signature=result.exported.served.signature,
        files=tuple(
            ModelFile(path, len(content), hashlib.sha256(content).hexdigest())
            for path, content in files.items()
        ),
        unit=result.exported.served.unit,
        embedding=result.exported.served.embedding,
        golden=tuple(_golden(result.exported, inputs) for inputs in result.golden_inputs),
        gate=Gate(
            metric=recipe.gate.metric,
            threshold=recipe.gate.threshold,
            split=recipe.gate.split,
            direction="at_most" if recipe.gate.metric in LOWER_IS_BETTER else "at_least",
        ),
        metrics=result.metrics(),
        preprocessing=result.exported.served.preprocessing,
        lineage={
            "recipe": recipe.document(),
            "data": {
                "source": dataset.source,
                "digest": dataset.digest,
                "rows": dataset.report.summary(),
                **files_lineage(result.channel),
            },
            "training": {
                "device": result.device,
                "processes": result.processes,
                "epoch_kept": result.epoch_kept,
            },
            "export": {
                "opset": export.opset,
                "ir_version": export.ir_version,
                "operators": export.operators,
                "largest_difference_by_batch": {
                    str(size): difference for size, difference in export.parity.items()
                },
            },
            **_compression(result),
            "versions": {
                "python": platform.python_version(),
                "torch": str(torch.__version__),
                "onnx": onnx.__version__,
                "onnxruntime": onnxruntime.__version__,
                "numpy": np.__version__,
            },
        },
    )


def _compression(result: Result) -> dict[str, Any]:
    """Nothing for a model that was not to be compressed."""
    if result.compression is None:
        return {}
    return {"compression": result.compression.lineage(METRICS[result.recipe.task])}


def _golden(exported: Exported, inputs: Mapping[str, NDArray[Any]]) -> Golden:
    """Test rows and the answers to them."""
    named = exported.served.golden
    answers = {
        name: answer
        for name, answer in exported.answers(inputs).items()
        if not named or name in named
    }
    largest = max(float(np.abs(answer).max(initial=0)) for answer in answers.values())
    return Golden(
        inputs={name: values.tolist() for name, values in inputs.items()},
        outputs={name: values.tolist() for name, values in answers.items()},
        tolerance=exported.tolerance * max(1.0, largest),
    )


def _rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    return {part: round(spent, 3) for part, spent in seconds.items()}


def _json(document: Mapping[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
