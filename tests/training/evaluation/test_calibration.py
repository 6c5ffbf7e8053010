"""Confidence against accuracy."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from training.evaluation.calibration import calibrate
from training.evaluation.intervals import wilson


def drawn(rows: int, exponent: float) -> tuple[np.ndarray, np.ndarray]:
    """Confidence, and answers that are right as often as its power says."""
    generator = np.random.default_rng(0)
    confidence = generator.uniform(0.2, 1.0, rows)
    return confidence, generator.random(rows) < confidence**exponent


def test_bins_are_scikit_learns():
    confidence, right = drawn(500, 2)
    found = calibrate(confidence, right)
    accuracies, confidences = calibration_curve(right, confidence, n_bins=10)
    assert [each.accuracy for each in found.bins] == pytest.approx(accuracies)
    assert [each.confidence for each in found.bins] == pytest.approx(confidences)
    assert sum(each.rows for each in found.bins) == 500
    # None of the rows is less sure than 0.2.
    assert (found.bins[0].low, found.bins[-1].high) == (0.2, 1.0)


def test_error_is_the_mean_distance_over_the_rows():
    found = calibrate(np.array([0.9, 0.9, 0.5]), np.array([True, False, True]))
    assert found.expected_calibration_error == pytest.approx((2 * 0.4 + 0.5) / 3)
    low, high = found.bins
    assert (low.rows, low.accuracy, low.interval) == (1, 1.0, wilson(1, 1))
    assert (high.rows, high.accuracy, high.interval) == (2, 0.5, wilson(1, 2))


def test_who_is_right_as_often_as_he_says_errs_little():
    honest, boastful = calibrate(*drawn(20_000, 1)), calibrate(*drawn(20_000, 4))
    assert honest.expected_calibration_error < 0.02
    assert boastful.expected_calibration_error > 0.2


def test_certainty_belongs_to_the_last_bin_and_a_bound_to_the_lower():
    found = calibrate(np.array([1.0, 1.0000001, 0.5]), np.array([True, True, True]))
    assert [(each.low, each.rows) for each in found.bins] == [(0.4, 1), (0.9, 2)]
