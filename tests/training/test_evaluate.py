"""Figures of a split."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluate import evaluate_classes

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
