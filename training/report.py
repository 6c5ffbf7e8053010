"""Everything that was measured, as one document: `evaluation/report.json`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from training.evaluation.comparison import compare
from training.tasks import LOWER_IS_BETTER, METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.artifact import Result
    from training.evaluation.evaluation import Evaluation
    from training.families.family import Baseline


def report_document(result: Result) -> dict[str, Any]:
    """All but the times.

    `classes`, where there are any, name the rows and columns of each confusion matrix. `splits`
    has the model's figures, `baseline` and `naive` (None where the family has no such method)
    those of the others; `comparison` says by method, split and metric whether the model is better;
    `dense` there, and `compression`, are of a model that was to be compressed.
    """
    others = {"baseline": result.baseline, "naive": result.naive}
    compared = {name: other.evaluations for name, other in others.items() if other is not None}
    compression = result.compression
    if compression is not None and compression.verdict.passed:
        compared["dense"] = compression.steps[0].evaluations
    return {
        "classes": result.dataset.classes,
        "metrics": result.metrics(),
        "splits": {split: found.document() for split, found in result.evaluations.items()},
        **{name: other and _other(other) for name, other in others.items()},
        "comparison": {name: _comparison(result, other) for name, other in compared.items()},
        **_compression(result),
        "epoch_kept": result.epoch_kept,
        "curve": [*result.curves.values()][-1],
        "curves": result.curves,
    }


def _other(other: Baseline) -> dict[str, Any]:
    splits = {split: found.document() for split, found in other.evaluations.items()}
    return {"model": other.model, "splits": splits}


def _compression(result: Result) -> dict[str, Any]:
    """Nothing for a model that was not to be compressed."""
    if result.compression is None:
        return {}
    return {"compression": result.compression.document(METRICS[result.recipe.task])}


def _comparison(result: Result, other: Mapping[str, Evaluation]) -> dict[str, Any]:
    metrics = METRICS[result.recipe.task]
    if result.recipe.task == "classification":
        metrics = (*metrics, "macro_f1")
    return {
        split: {
            metric: asdict(difference)
            for metric, difference in compare(
                found, other[split], metrics, lower_is_better=LOWER_IS_BETTER
            ).items()
        }
        for split, found in result.evaluations.items()
    }
