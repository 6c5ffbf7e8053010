"""The baseline is scikit-learn's logistic regression."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from training.baseline import fit_baseline


def test_same_probabilities_as_scikit_learns(dataset):
    def standardised(split):
        return (split.features - dataset.mean) / dataset.scale

    theirs = LogisticRegression(max_iter=1000, tol=1e-8)
    theirs.fit(standardised(dataset.train), dataset.train.labels)
    ours = fit_baseline(dataset).answer(dataset.test.features)
    np.testing.assert_allclose(ours, theirs.predict_proba(standardised(dataset.test)), atol=1e-3)
