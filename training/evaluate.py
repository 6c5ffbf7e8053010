"""The names of `training.evaluation` in one place."""

from training.evaluation.classes import ClassEvaluation, accuracy, evaluate_classes
from training.evaluation.evaluation import Evaluation
from training.evaluation.numbers import NumberEvaluation, evaluate_numbers, r2
from training.evaluation.tokens import TokenEvaluation, evaluate_tokens

__all__ = [
    "ClassEvaluation",
    "Evaluation",
    "NumberEvaluation",
    "TokenEvaluation",
    "accuracy",
    "evaluate_classes",
    "evaluate_numbers",
    "evaluate_tokens",
    "r2",
]
