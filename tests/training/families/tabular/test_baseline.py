"""The baselines are scikit-learn's logistic regression and ridge."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

from training.data.tables.dataset import read_dataset
from training.families.tabular.baseline import PENALTIES, fit_baseline
from training.recipe import load


def test_same_probabilities_as_scikit_learns(dataset):
    def standardised(split):
        return (split.features - dataset.mean) / dataset.scale

    theirs = LogisticRegression(max_iter=1000, tol=1e-8)
    theirs.fit(standardised(dataset.train), dataset.train.labels)
    ours = fit_baseline(dataset).answer(dataset.test.features)
    np.testing.assert_allclose(ours, theirs.predict_proba(standardised(dataset.test)), atol=1e-3)
    assert fit_baseline(dataset).model == "multinomial logistic regression"


def test_ridge_with_the_penalty_that_is_best_on_validation():
    dataset = read_dataset(load("regression", {"seed": "6"}), None)

    def standardised(split):
        return ((split.features - dataset.mean) / dataset.scale).astype(np.float64)

    def error(model: Ridge) -> float:
        difference = model.predict(standardised(dataset.validation)) - dataset.validation.labels
        return float(np.square(difference).mean())

    models = [
        Ridge(alpha=penalty).fit(standardised(dataset.train), dataset.train.labels)
        for penalty in PENALTIES
    ]
    theirs = min(models, key=error)
    assert min(PENALTIES) < theirs.alpha < max(PENALTIES)
    ours = fit_baseline(dataset)
    assert ours.model == f"ridge regression, penalty {theirs.alpha:.4g} chosen on validation"
    np.testing.assert_allclose(
        ours.answer(dataset.test.features)[:, 0],
        theirs.predict(standardised(dataset.test)),
        rtol=1e-5,
    )
