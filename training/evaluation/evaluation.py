"""Every kind of evaluation.

Each has its figures as attributes, `terms()` and `figures(sums)` to compute them again from
resampled rows, and `document()` for the report.
"""

from __future__ import annotations

from training.evaluation.classes import ClassEvaluation
from training.evaluation.numbers import NumberEvaluation
from training.evaluation.tokens import TokenEvaluation

Evaluation = ClassEvaluation | NumberEvaluation | TokenEvaluation
