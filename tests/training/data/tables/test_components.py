"""Principal components against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from training.data.tables.components import fit_components
from training.data.tables.sources import SOURCES
from training.errors import InvalidSetting


def test_same_as_scikit_learns():
    values = SOURCES["digits"].bundled().values
    fitted, rest = values[:1000], values[1000:]
    theirs = PCA(10, svd_solver="full").fit(fitted.astype(np.float64)).transform(rest)
    ours = fit_components(fitted, 10).project(rest)
    # Which way an axis points is anyone's choice.
    signs = np.sign((ours * theirs).sum(axis=0))
    np.testing.assert_allclose(ours * signs, theirs, atol=1e-4)


def test_largest_coefficient_of_each_axis_is_positive():
    axes = fit_components(SOURCES["digits"].bundled().values, 10).axes
    assert (axes[np.arange(10), np.abs(axes).argmax(axis=1)] > 0).all()


def test_more_components_than_columns():
    with pytest.raises(InvalidSetting, match=r"'components': expected at most 2 .* got 3"):
        fit_components(np.ones((5, 2), np.float32), 3)
