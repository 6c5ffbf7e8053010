"""The support vector machine beside the network."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss
from sklearn.svm import SVC

from tests.training.data.images.drawings import recipe, save
from training.data.images.dataset import read_dataset
from training.families.vision.baseline import PENALTIES, TEMPERATURES, WIDTHS, fit_baseline
from training.families.vision.family import Vision
from training.recipe import load

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def digits():
    return read_dataset(load("vision", {}), None)


@pytest.fixture(scope="module")
def fitted(digits):
    return fit_baseline(digits, 8)


def pixels(rows) -> np.ndarray:
    return rows.take(np.arange(len(rows)))[0].reshape(len(rows), -1) / 255


def test_it_is_scikit_learns_with_the_least_loss_on_validation(digits, fitted):
    """scikit-learn's own width is 1 / (pixels * variance)."""
    variance, wanted = pixels(digits.train).var(), digits.validation.labels
    losses = {}
    for penalty, width in itertools.product(PENALTIES, WIDTHS):
        machine = SVC(C=penalty, gamma=width / (64 * variance))
        machine.fit(pixels(digits.train), digits.train.labels)
        margins = machine.decision_function(pixels(digits.validation))
        losses[machine] = min(
            log_loss(wanted, softmax(margins / each, axis=1)) for each in TEMPERATURES
        )
    best = min(losses, key=losses.__getitem__)
    ours = fitted.answer(digits.validation, np.arange(len(wanted)))
    assert log_loss(wanted, ours) == pytest.approx(losses[best], rel=1e-3)
    answers = fitted.answer(digits.test, np.arange(len(digits.test)))
    theirs = best.decision_function(pixels(digits.test))
    np.testing.assert_array_equal(answers.argmax(axis=1), theirs.argmax(axis=1))
    assert f", C {best.C:g} chosen on validation" in fitted.model


def test_answers_are_probabilities(digits, fitted):
    answers = fitted.answer(digits.test, np.array([3, 1]))
    assert answers.shape == (2, 10)
    np.testing.assert_allclose(answers.sum(axis=1), 1)


def test_probabilities_are_worth_more_than_the_margins_alone(digits, fitted):
    evaluations = Vision(load("vision", {})).baseline(digits).evaluations
    assert evaluations["validation"].loss < 0.1
    assert evaluations["test"].accuracy > 0.97


def test_two_classes_and_large_pictures(tmp_path: Path):
    """Light and dark ones."""
    generator = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 100)):
        for number in range(12):
            values = generator.integers(low, low + 100, (50, 50), dtype=np.uint8)
            save(tmp_path / name / f"{number}.png", values)
    dataset = read_dataset(recipe(image_size="48"), tmp_path)
    fitted = fit_baseline(dataset, 48)
    numbers = np.arange(len(dataset.test))
    answers = fitted.answer(dataset.test, numbers)
    np.testing.assert_array_equal(answers.argmax(axis=1), dataset.test.labels)
    assert answers.shape == (len(numbers), 2)
    assert fitted.model.endswith("chosen on validation, 32x32 pixels")


def test_many_pictures_are_too_many(digits, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("training.families.family.JUDGED_TRAINING_ROWS", 100)
    assert fit_baseline(digits, 8).model.endswith("fitted on 100 training pictures")
