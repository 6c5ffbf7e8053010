"""Figures of a split."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from training.evaluate import evaluate_classes, evaluate_numbers, r2

PROBABILITIES = np.array([[0.8, 0.2], [0.4, 0.6], [0.9, 0.1], [0.0, 1.0]], np.float32)


def test_counts():
    found = evaluate_classes(PROBABILITIES, np.array([0, 1, 1, 1]), ("no", "yes"))
    assert (found.rows, found.accuracy) == (4, 0.75)
    assert found.confusion == [[1, 0], [1, 2]]
    assert found.recall == {"no": 1.0, "yes": pytest.approx(2 / 3)}


def test_loss_is_the_mean_surprise():
    found = evaluate_classes(PROBABILITIES, np.array([0, 1, 1, 1]), ("no", "yes"))
    assert found.loss == pytest.approx(-np.log([0.8, 0.6, 0.1, 1.0]).mean(), rel=1e-6)


def test_probability_of_zero_has_a_finite_loss():
    assert np.isfinite(evaluate_classes(PROBABILITIES[3:], np.array([0]), ("no", "yes")).loss)


def test_class_without_rows():
    assert (
        evaluate_classes(PROBABILITIES, np.zeros(4, np.int64), ("no", "yes")).recall["yes"] == 0.0
    )


def test_numbers_are_judged_as_scikit_learn_does():
    generator = np.random.default_rng(0)
    numbers = generator.normal(150, 70, 40).astype(np.float32)
    predictions = (numbers[:, None] + generator.normal(5, 40, (40, 1))).astype(np.float32)
    found = evaluate_numbers(predictions, numbers)
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
