"""Figures of a split of numbers, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from training.evaluation.numbers import NumberEvaluation, evaluate_numbers, r2


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Predictions [40, 1] and numbers [40], far from zero."""
    generator = np.random.default_rng(0)
    numbers = generator.normal(10_150, 70, 40).astype(np.float32)
    return (numbers[:, None] + generator.normal(5, 40, (40, 1))).astype(np.float32), numbers


def judged() -> NumberEvaluation:
    return evaluate_numbers(*drawn())


def test_figures_are_scikit_learns():
    predictions, numbers = drawn()
    found = judged()
    assert found.rows == 40
    assert found.r2 == pytest.approx(metrics.r2_score(numbers, predictions))
    assert found.mae == pytest.approx(metrics.mean_absolute_error(numbers, predictions))
    assert found.rmse == pytest.approx(metrics.root_mean_squared_error(numbers, predictions))
    assert found.largest_error == pytest.approx(metrics.max_error(numbers, predictions))


def test_bias_is_positive_for_predictions_that_are_too_large():
    found = evaluate_numbers(np.array([[3.0], [4.0]], np.float32), np.array([2.0, 2.0], np.float32))
    assert (found.bias, found.mae, found.largest_error) == (1.5, 1.5, 2.0)


def test_mean_explains_nothing():
    numbers = np.array([1.0, 2.0, 6.0])
    assert r2(np.full(3, 3.0), numbers) == 0.0


@pytest.mark.parametrize(("prediction", "expected"), [(2.0, 1.0), (3.0, 0.0)])
def test_numbers_that_do_not_differ(prediction: float, expected: float):
    assert r2(np.full(3, prediction), np.full(3, 2.0)) == expected
    found = evaluate_numbers(np.full((3, 1), prediction), np.full(3, 2.0))
    assert found.document()["intervals"]["r2"] == (expected, expected)


def test_terms_give_the_figures():
    found = judged()
    for name, value in found.figures(found.terms().sum(axis=0)).items():
        assert value == pytest.approx(getattr(found, name), rel=1e-9)


def test_every_figure_lies_in_its_interval():
    document = judged().document()
    assert set(document["intervals"]) == {"r2", "mae", "rmse", "bias"}
    for name, (low, high) in document["intervals"].items():
        assert low < document[name] < high


def test_residuals():
    predictions, numbers = drawn()
    residuals = predictions[:, 0].astype(np.float64) - numbers
    found = judged().document()["residuals"]
    assert found["standard_deviation"] == pytest.approx(residuals.std())
    assert found["quantiles"]["0.5"] == pytest.approx(np.median(residuals))
    assert found["quantiles"]["0.95"] == pytest.approx(np.percentile(residuals, 95))


def test_one_row_has_no_intervals():
    found = evaluate_numbers(np.array([[3.0]]), np.array([2.0])).document()
    assert set(found["intervals"].values()) == {None}
