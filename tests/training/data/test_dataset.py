"""Preparation: nothing of the held-out rows may reach what is fitted."""

from __future__ import annotations

import numpy as np

from training.data.dataset import prepare
from training.data.sources import SOURCES
from training.data.split import split_rows
from training.data.table import Table


def rows_of(recipe, table: Table):
    return split_rows(
        table,
        validation_fraction=recipe.data.validation_fraction,
        test_fraction=recipe.data.test_fraction,
        seed=recipe.seed,
    )


def test_held_out_rows_do_not_move_what_is_fitted(recipe, dataset):
    table = SOURCES["digits"].bundled()
    rows = rows_of(recipe, table)
    values = table.values.copy()
    values[np.concatenate([rows.validation, rows.test])] *= 5
    moved = prepare(recipe, Table(table.schema, values, table.labels), "moved")
    np.testing.assert_array_equal(moved.train.features, dataset.train.features)
    np.testing.assert_array_equal(moved.mean, dataset.mean)
    np.testing.assert_array_equal(moved.scale, dataset.scale)
    np.testing.assert_array_equal(moved.components.axes, dataset.components.axes)
    assert not np.array_equal(moved.test.features, dataset.test.features)


def test_training_rows_do_move_it(recipe, dataset):
    table = SOURCES["digits"].bundled()
    values = table.values.copy()
    values[rows_of(recipe, table).train] *= 5
    moved = prepare(recipe, Table(table.schema, values, table.labels), "moved")
    np.testing.assert_allclose(moved.scale, 5 * dataset.scale, rtol=1e-4)


def test_statistics_are_those_of_the_training_features(dataset):
    features = dataset.train.features.astype(np.float64)
    np.testing.assert_allclose(dataset.mean, features.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(dataset.scale, features.std(axis=0), rtol=1e-5)


def test_features_are_left_as_they_come(dataset):
    assert dataset.test.features.std() > 5


def test_feature_that_never_varies_is_not_divided_by_zero(recipe):
    table = SOURCES["digits"].bundled()
    varied = np.zeros_like(table.values)
    varied[:, 0] = np.arange(len(varied))
    same = prepare(recipe, Table(table.schema, varied, table.labels), "flat")
    assert same.scale[0] > 100
    assert same.scale[1:].tolist() == [1.0] * 9


def test_repeated_rows_never_reach_two_splits(recipe, dataset):
    table = SOURCES["digits"].bundled()
    twice = Table(table.schema, np.tile(table.values, (2, 1)), np.tile(table.labels, 2))
    prepared = prepare(recipe, twice, "twice")
    np.testing.assert_array_equal(prepared.test.features, dataset.test.features)
    assert prepared.digest != dataset.digest


def test_digest_tells_labels_apart(dataset):
    table = SOURCES["digits"].bundled()
    labels = table.labels.copy()
    labels[0] = 9
    assert table.digest() == dataset.digest
    assert Table(table.schema, table.values, labels).digest() != dataset.digest
