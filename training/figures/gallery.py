"""The figures of a result, by path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.evaluation.classes import ClassEvaluation
from training.evaluation.numbers import NumberEvaluation
from training.figures.curves import draw_curves
from training.figures.judgement import draw_confusion, draw_reliability, draw_residuals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.artifact import Result

SPLIT = "test"
CURVES = "evaluation/learning_curves.svg"
CONFUSION = "evaluation/confusion.svg"
RELIABILITY = "evaluation/reliability.svg"
RESIDUALS = "evaluation/residuals.svg"


def draw_figures(result: Result) -> Mapping[str, bytes]:
    """How training went, and what the test split's figures look like."""
    name, evaluation = result.recipe.name, result.evaluations[SPLIT]
    figures = {CURVES: draw_curves(name, result.curves, result.epoch_kept)}
    if isinstance(evaluation, ClassEvaluation):
        figures[CONFUSION] = draw_confusion(name, SPLIT, evaluation)
        figures[RELIABILITY] = draw_reliability(name, SPLIT, evaluation.calibration)
    if isinstance(evaluation, NumberEvaluation):
        figures[RESIDUALS] = draw_residuals(name, SPLIT, evaluation)
    return figures
