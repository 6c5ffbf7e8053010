"""Whether one method is better than another on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from training.evaluation.intervals import Interval, percentiles, resampled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from training.evaluation.evaluation import Evaluation

Verdict = Literal["better", "worse", "no clear difference", "too few rows"]
# Fewer rows drawn again hold too little of what other rows would be: no verdict by them.
LEAST_ROWS = 10


@dataclass(frozen=True, slots=True)
class Difference:
    """The model's figure minus the other's, its paired interval, and what that comes to: a
    difference is clear where the interval leaves out 0. Fewer than `LEAST_ROWS` rows have no
    verdict, and a single one no interval."""

    difference: float
    interval: Interval | None
    verdict: Verdict


def compare(
    model: Evaluation, other: Evaluation, metrics: Iterable[str], *, lower_is_better: Iterable[str]
) -> dict[str, Difference]:
    """By metric; both are of one kind and were judged on the same rows in the same order."""
    if type(model) is not type(other) or model.rows != other.rows:
        raise ValueError(
            f"expected two of {type(model).__name__} with {model.rows} rows, "
            f"got {type(other).__name__} with {other.rows}"
        )
    ours, theirs = (each.figures(resampled(each.terms())) for each in (model, other))
    found = {}
    for metric in metrics:
        interval = percentiles(ours[metric] - theirs[metric])
        difference = getattr(model, metric) - getattr(other, metric)
        verdict = _verdict(model.rows, interval, lower_is_better=metric in lower_is_better)
        found[metric] = Difference(difference, interval, verdict)
    return found


def _verdict(rows: int, interval: Interval | None, *, lower_is_better: bool) -> Verdict:
    if rows < LEAST_ROWS:
        return "too few rows"
    if interval is None or interval[0] <= 0 <= interval[1]:
        return "no clear difference"
    high = interval[1]
    return "better" if (high < 0) == lower_is_better else "worse"
