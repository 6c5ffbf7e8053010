"""Intervals, against scipy's and against what theory says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from training.evaluation.intervals import (
    MOST_GROUPS,
    RESAMPLES,
    by_group,
    groups,
    percentiles,
    resampled,
    wilson,
)


@pytest.mark.parametrize(
    ("part", "whole"), [(0, 10), (10, 10), (3, 10), (341, 355), (1, 1), (5, 10_000)]
)
def test_share(part: int, whole: int):
    wanted = stats.binomtest(part, whole).proportion_ci(method="wilson")
    assert wilson(part, whole) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_share_of_nothing_could_be_any():
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_same_rows_are_drawn_each_time():
    terms = np.random.default_rng(0).normal(size=(50, 2))
    np.testing.assert_array_equal(resampled(terms), resampled(terms))
    # By their number alone: one more term changes nothing.
    alone = resampled(terms[:, :1])
    np.testing.assert_allclose(alone[:, 0], resampled(terms)[:, 0], rtol=1e-12)


def test_few_rows_are_groups_of_their_own():
    np.testing.assert_array_equal(groups(MOST_GROUPS), np.arange(MOST_GROUPS))
    assert np.bincount(groups(MOST_GROUPS + 1)).max() == 2


def test_every_draw_is_of_as_many_rows():
    sums = resampled(np.ones((50, 1)))
    assert sums.shape == (RESAMPLES, 1)
    assert (sums == 50).all()


def test_interval_of_a_mean_is_scipys():
    values = np.random.default_rng(1).exponential(size=200)
    found = percentiles(resampled(values[:, None])[:, 0] / 200)
    wanted = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    # The bounds themselves are known to a few percent of the width from so many draws.
    assert found == pytest.approx((wanted.low, wanted.high), abs=0.05 * (wanted.high - wanted.low))


@pytest.mark.parametrize("rows", [3 * MOST_GROUPS + 1, 40_000])
def test_many_rows_in_an_order_have_the_interval_of_a_mean(rows: int):
    # Neighbours are alike: groups of them would differ far more than groups taken at random.
    values = np.sort(np.random.default_rng(0).normal(size=rows))
    terms = by_group(np.column_stack([np.ones(rows), values]), groups(rows))
    assert len(terms) <= MOST_GROUPS
    np.testing.assert_allclose(terms.sum(axis=0), [rows, values.sum()], atol=1e-8)
    sums = resampled(terms)
    low, high = percentiles(sums[:, 1] / sums[:, 0])
    width = 2 * 1.96 * values.std() / np.sqrt(rows)
    assert high - low == pytest.approx(width, rel=0.1)
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.1 * width)
