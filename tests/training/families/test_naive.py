"""The method that knows the training labels and no features."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score

from training.families.opening import open_family
from training.recipe import load


def test_classes_by_their_shares(recipe, dataset):
    theirs = DummyClassifier(strategy="prior")
    theirs.fit(dataset.train.features, dataset.train.labels)
    naive = open_family(recipe).naive(dataset)
    for split, rows in dataset.splits().items():
        found = naive.evaluations[split]
        taken = theirs.predict(rows.features)
        assert found.accuracy == pytest.approx(accuracy_score(rows.labels, taken))
        probabilities = theirs.predict_proba(rows.features)
        assert found.loss == pytest.approx(log_loss(rows.labels, probabilities))
    assert naive.model.endswith(f"so always '{dataset.classes[taken[0]]}'")


def test_numbers_by_their_mean():
    family = open_family(load("regression", {}))
    dataset = family.read(None)
    theirs = DummyRegressor().fit(dataset.train.features, dataset.train.labels.astype(np.float64))
    naive = family.naive(dataset)
    assert naive.model == "the training rows' mean"
    for split, rows in dataset.splits().items():
        found, predicted = naive.evaluations[split], theirs.predict(rows.features)
        assert found.mae == pytest.approx(mean_absolute_error(rows.labels, predicted))
        assert found.r2 == pytest.approx(r2_score(rows.labels, predicted), abs=1e-9)
    assert naive.evaluations["train"].r2 == pytest.approx(0, abs=1e-9)
