"""Better, worse, or not to be told."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from training.evaluation.comparison import LEAST_ROWS, Difference, compare
from training.evaluation.numbers import NumberEvaluation, evaluate_numbers
from training.evaluation.tokens import evaluate_tokens

GENERATOR = np.random.default_rng(0)
NUMBERS = GENERATOR.normal(size=200)
NOISE = GENERATOR.normal(size=200)


def judged(noise: float, rows: int = 200) -> NumberEvaluation:
    """Predictions off by so many times the same noise."""
    return evaluate_numbers((NUMBERS + noise * NOISE)[:rows, None], NUMBERS[:rows])


def compared(model: float, other: float) -> dict[str, Difference]:
    metrics = ("r2", "mae")
    return compare(judged(model), judged(other), metrics, lower_is_better={"mae"})


@pytest.mark.parametrize(
    ("model", "other", "verdict"),
    [(0.4, 0.5, "better"), (0.5, 0.4, "worse"), (0.5, 0.5, "no clear difference")],
)
def test_verdict(model: float, other: float, verdict: str):
    assert {found.verdict for found in compared(model, other).values()} == {verdict}


def test_difference_is_the_models_minus_the_others():
    found = compared(0.4, 0.5)
    assert found["r2"].difference == judged(0.4).r2 - judged(0.5).r2 > 0
    assert found["mae"].difference == judged(0.4).mae - judged(0.5).mae < 0


def test_interval_is_of_pairs():
    # Each error is 0.9 of the other's. Unpaired intervals of the two overlap.
    low, high = compared(0.45, 0.5)["mae"].interval
    pairs = 0.05 * np.abs(NOISE)
    wanted = stats.bootstrap(
        (-pairs,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    width = wanted.high - wanted.low
    assert (low, high) == pytest.approx((wanted.low, wanted.high), abs=0.05 * width)
    ours, theirs = (judged(noise).document()["intervals"]["mae"] for noise in (0.45, 0.5))
    assert ours[1] > theirs[0]


def test_chance_alone_is_no_clear_difference():
    other = evaluate_numbers((NUMBERS + 0.5 * GENERATOR.normal(size=200))[:, None], NUMBERS)
    found = compare(judged(0.5), other, ("r2",), lower_is_better=())["r2"]
    assert found.interval[0] < found.difference < found.interval[1]
    assert found.verdict == "no clear difference"


@pytest.mark.parametrize(
    ("rows", "verdict"), [(1, "too few rows"), (LEAST_ROWS - 1, "too few rows"), (200, "better")]
)
def test_few_rows_have_no_verdict(rows: int, verdict: str):
    found = compare(judged(0.4, rows), judged(0.5, rows), ("mae",), lower_is_better={"mae"})["mae"]
    assert found.verdict == verdict
    assert (found.interval is None) == (rows == 1)


def test_difference_without_an_interval_is_not_clear():
    tokens, characters = np.ones(12, int), np.eye(1, 12, dtype=int)[0]
    ours, theirs = (evaluate_tokens(np.full(12, nats), tokens, characters) for nats in (1.0, 2.0))
    found = compare(ours, theirs, ("nats_per_character",), lower_is_better={"nats_per_character"})
    assert found["nats_per_character"] == Difference(-12.0, None, "no clear difference")


def test_other_rows_or_figures_do_not_compare():
    with pytest.raises(ValueError, match="expected two of NumberEvaluation with 200 rows"):
        compare(judged(0.5), judged(0.5, rows=199), ("r2",), lower_is_better=())
    tokens = evaluate_tokens(np.ones(200), np.ones(200, int), np.ones(200, int))
    with pytest.raises(ValueError, match="got TokenEvaluation with 200"):
        compare(judged(0.5), tokens, ("r2",), lower_is_better=())
