"""The card as JSON, for programs. It tells of no time and no machine: the same result has the same
card."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from training.tasks import LOWER_IS_BETTER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infermeter.manifest import Manifest
    from training.artifact import Result
    from training.data.dataset import Dataset

SPLIT = "test"
# A longer list belongs into the report.
MOST_CLASSES = 60
# Values in the example of a call; beyond, only its shape helps.
MOST_VALUES = 64
DIGITS = 6
INTERVALS = "Intervals are of 95 % and of the rows alone: another seed trains another model."


def card_document(result: Result, report: Mapping[str, Any], manifest: Manifest) -> dict[str, Any]:
    """From what was measured (see `report_document`) and the manifest but for its card."""
    recipe, lineage = result.recipe, manifest.lineage
    compression = lineage.get("compression")
    return {
        "model": {
            "name": recipe.name,
            "family": recipe.family,
            "task": recipe.task,
            "parameters": sum(each.numel() for each in result.exported.served.module.parameters()),
            "bytes": manifest.size,
            "network": _used(recipe.network),
        },
        "intended_use": {"purpose": recipe.card.purpose, "limits": [*recipe.card.limits]},
        "data": _data(result.dataset, recipe.card.about_data),
        "evaluation": _rounded(_evaluation(report)),
        "training": {
            "settings": _used(recipe.training),
            "seed": recipe.seed,
            "stages": {stage: {"epochs": len(curve)} for stage, curve in result.curves.items()},
            **lineage["training"],
            "versions": lineage["versions"],
        },
        **({} if compression is None else {"compression": compression}),
        "use": _use(manifest),
    }


def _data(dataset: Dataset, about: str) -> dict[str, Any]:
    splits: dict[str, Any] = {name: {"rows": len(rows)} for name, rows in dataset.splits().items()}
    if dataset.classes:
        for name, rows in dataset.splits().items():
            counts = np.bincount(rows.labels, minlength=len(dataset.classes)).tolist()
            splits[name]["classes"] = dict(
                zip(dataset.classes[:MOST_CLASSES], counts, strict=False)
            )
    return {
        "source": dataset.source,
        "about": about,
        "digest": dataset.digest,
        "rows": dataset.report.summary(),
        "splits": splits,
    }


def _evaluation(report: Mapping[str, Any]) -> dict[str, Any]:
    found, others = report["splits"][SPLIT], {}
    for name in ("baseline", "naive"):
        if report[name] is not None:
            others[name] = report[name]
    metrics = {
        metric: {
            "value": found[metric],
            "interval": interval,
            "better": _direction(metric),
            **{name: {"value": other["splits"][SPLIT][metric]} for name, other in others.items()},
        }
        for metric, interval in found["intervals"].items()
    }
    for name, splits in report["comparison"].items():
        for metric, compared in splits[SPLIT].items():
            metrics[metric].setdefault(name, {}).update(compared)
    document = {
        "split": SPLIT,
        "rows": found["rows"],
        "intervals": INTERVALS,
        **{name: other["model"] for name, other in others.items()},
        "metrics": metrics,
    }
    if "calibration" in found:
        error = found["calibration"]["expected_calibration_error"]
        document["expected_calibration_error"] = error
        document["per_class"] = found["per_class"][:MOST_CLASSES]
    if "residuals" in found:
        document["residuals"] = found["residuals"]
    return document


def _direction(metric: str) -> str:
    if metric == "bias":
        return "nearer to 0"
    lower = metric in LOWER_IS_BETTER or metric in ("brier_score", "perplexity")
    return "lower" if lower else "higher"


def _use(manifest: Manifest) -> dict[str, Any]:
    signature = manifest.signature
    return {
        "inputs": [_tensor(spec) for spec in signature.inputs],
        "outputs": [_tensor(spec) for spec in signature.outputs],
        "preprocessing": manifest.preprocessing,
        "route": f"/v2/models/{manifest.name}/infer",
        **_example(manifest),
    }


def _tensor(spec: Any) -> dict[str, Any]:
    labels = {"labels": [*spec.labels[:MOST_CLASSES]]} if spec.labels else {}
    return {
        "name": spec.name,
        "datatype": spec.datatype.name,
        "shape": [*spec.shape],
        **labels,
    }


def _example(manifest: Manifest) -> dict[str, Any]:
    """A body to send, of a row that the model was not trained on, where it is short."""
    if not manifest.golden:
        return {}
    golden, inputs = manifest.golden[0], []
    for spec in manifest.signature.inputs:
        values = np.array(golden.inputs[spec.name])
        inputs.append(
            {
                "name": spec.name,
                "datatype": spec.datatype.name,
                "shape": [*values.shape],
                "data": values.ravel().tolist(),
            }
        )
    count = sum(len(each["data"]) for each in inputs)
    return {"request": {"inputs": inputs}} if count <= MOST_VALUES else {}


def _used(section: Any) -> dict[str, Any]:
    """What of a section the recipe sets, or what follows from that; lists, as JSON has them."""
    values = {field: getattr(section, field.name) for field in fields(section)}
    return {
        field.name: [*value] if isinstance(value, tuple) else value
        for field, value in values.items()
        if field.default is MISSING or value != field.default
    }


def _rounded(value: Any) -> Any:
    """To significant digits, so that it can be read, and the last bit of a sum matters not."""
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
