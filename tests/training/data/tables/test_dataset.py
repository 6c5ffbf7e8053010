"""Preparation: nothing of the held-out rows may reach what is fitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.data.split import split_rows
from training.data.tables.dataset import _strata, prepare, read_dataset
from training.data.tables.sources import SOURCES
from training.data.tables.table import Schema, Table
from training.errors import InvalidData, InvalidSetting
from training.recipe import RECIPES, load
from training.settings.card import CardSettings
from training.settings.tabular import TabularData


def rows_of(recipe, table: Table):
    return split_rows(
        _strata(table),
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


@pytest.fixture(scope="module")
def regression():
    return load("regression", {})


@pytest.fixture(scope="module")
def diabetes() -> Table:
    return SOURCES["diabetes"].bundled()


def test_without_components_the_features_are_the_columns(regression, diabetes):
    prepared = read_dataset(regression, None)
    assert prepared.features == ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
    assert prepared.components is None
    rows = rows_of(regression, diabetes)
    np.testing.assert_array_equal(prepared.test.features, diabetes.values[rows.test])
    np.testing.assert_array_equal(prepared.test.labels, diabetes.labels[rows.test])


def test_columns_are_standardised_whatever_their_unit(regression, diabetes):
    values = diabetes.values.copy()
    values[:, 1] *= 1e-9
    values[:, 2] *= 1e9
    values[:, 4] = 0.1
    settings = load("regression", {"constant": "keep"})
    prepared = prepare(settings, Table(diabetes.schema, values, diabetes.labels), "units")
    before = read_dataset(regression, None)
    np.testing.assert_allclose(prepared.scale[1:3], before.scale[1:3] * [1e-9, 1e9], rtol=1e-5)
    assert prepared.scale[4] == 1


def test_targets_are_standardised_by_the_training_rows(regression):
    prepared = read_dataset(regression, None)
    targets = prepared.train.targets
    assert (targets.shape, targets.dtype) == ((len(prepared.train.labels), 1), np.float32)
    assert abs(targets.mean()) < 1e-6
    assert targets.std() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(
        prepared.test.targets[:, 0] * prepared.target.scale + prepared.target.mean,
        prepared.test.labels,
        rtol=1e-5,
    )


def test_held_out_numbers_do_not_move_the_standardisation(regression, diabetes):
    ranks = diabetes.labels.argsort(kind="stable").argsort().astype(np.float32)
    ranked = Table(diabetes.schema, diabetes.values, 10 * ranks)
    higher = 10 * ranks
    # Not as far as the next row's, so that the split stays.
    higher[rows_of(regression, ranked).test] += 5
    before = prepare(regression, ranked, "ranks")
    moved = prepare(regression, Table(diabetes.schema, diabetes.values, higher), "moved")
    assert moved.target == before.target
    np.testing.assert_array_equal(moved.test.labels, before.test.labels + 5)


def test_classes_are_their_own_targets(dataset):
    assert dataset.target is None
    np.testing.assert_array_equal(dataset.train.targets, dataset.train.labels)


def test_number_that_never_differs_is_refused(regression, diabetes):
    same = Table(diabetes.schema, diabetes.values, np.full_like(diabetes.labels, 3))
    with pytest.raises(InvalidData, match=r"numbers that differ, got 3 in every training row"):
        prepare(regression, same, "same")


def test_digest_tells_numbers_apart(diabetes):
    labels = diabetes.labels.copy()
    labels[0] += 0.25
    assert Table(diabetes.schema, diabetes.values, labels).digest() != diabetes.digest()


def with_holes(table: Table) -> tuple[Table, np.ndarray]:
    """The table without the `bmi` of every fifth row, and which rows those are."""
    values, holes = table.values.copy(), np.arange(len(table.labels)) % 5 == 0
    values[holes, 2] = np.nan
    return Table(table.schema, values, table.labels), holes


def test_missing_values_become_the_mean_of_the_training_rows_that_have_one(regression, diabetes):
    settings = load("regression", {"missing": "mean"})
    table, holes = with_holes(diabetes)
    rows = rows_of(regression, diabetes)
    prepared = prepare(settings, table, "holes")
    mean = diabetes.values[rows.train][~holes[rows.train], 2].mean(dtype=np.float64)
    assert prepared.filled[2] == pytest.approx(mean)
    for part, name in ((rows.train, "train"), (rows.test, "test")):
        found = prepared.splits()[name].features[:, 2]
        np.testing.assert_allclose(found, np.where(holes[part], mean, diabetes.values[part, 2]))
    assert prepared.report.missing == {"bmi": int(holes.sum())}


def test_incomplete_rows_are_dropped(diabetes):
    table, holes = with_holes(diabetes)
    prepared = prepare(load("regression", {"missing": "drop"}), table, "holes")
    assert sum(len(split.labels) for split in prepared.splits().values()) == (~holes).sum()
    assert prepared.filled is None


def test_column_without_a_value_cannot_be_filled(diabetes):
    values = diabetes.values.copy()
    values[:, 3] = np.nan
    table = Table(diabetes.schema, values, diabetes.labels)
    with pytest.raises(InvalidData, match="column 'bp': expected a value in one training row"):
        prepare(load("regression", {"missing": "mean"}), table, "empty")


def test_missing_values_are_filled_before_the_projection(recipe):
    table = SOURCES["digits"].bundled()
    values = table.values.copy()
    values[::7, 20] = np.nan
    settings = load("tabular", {"missing": "mean"})
    prepared = prepare(settings, Table(table.schema, values, table.labels), "holes")
    assert np.isfinite(prepared.train.features).all()
    assert prepared.components.mean[20] == pytest.approx(prepared.filled[20], rel=1e-5)


def own(rows: int = 400, **settings: str):
    """A table of the numbers `a` and `b` and the category `kind`, and a recipe for it."""
    random = np.random.default_rng(0)
    values = np.column_stack(
        [random.normal(5, 2, rows), random.normal(size=rows), np.arange(rows) % 4]
    ).astype(np.float32)
    schema = Schema(("a", "b", "kind"), "label", ("no", "yes"), {"kind": tuple("wxyz")})
    labels = random.integers(0, 2, rows)
    settings = {"label": "label", "categorical": "kind", **settings}
    return load("tabular", settings), Table(schema, values, labels)


def test_a_label_beside_the_recipe_leaves_nothing_of_its_data():
    recipe = load("tabular", {"label": "price", "test_fraction": "0.1"})
    assert recipe.data == TabularData(label="price", test_fraction=0.1)
    assert recipe.training == load("tabular", {}).training
    assert recipe.card == CardSettings()
    assert load("tabular", {"source": "wine"}).card == CardSettings()
    assert load("tabular", {"source": "digits"}).card == load("tabular", {}).card
    assert load("tabular", {}).card.about_data


def test_a_recipe_of_ones_own_keeps_its_data_beside_another_label(tmp_path):
    text = (RECIPES / "tabular.toml").read_text()
    before, after = text.split("[data]")[0], text.split("[network]")[1]
    file = tmp_path / "mine.toml"
    file.write_text(f'{before}[data]\nlabel = "a"\ngroup = "who"\n[network]{after}')
    assert load(str(file), {"label": "b"}).data == TabularData(label="b", group="who")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"source": "table"}, "'label': expected the name of a column, for source table, got none"),
        ({"source": "digits", "label": "x"}, "'label': expected none for source digits, got 'x'"),
        ({"group": "x"}, "'group': expected none for source digits, got 'x'"),
        ({"label": "x", "columns": "a,x"}, "'columns': expected columns to learn from, got the l"),
        ({"label": "x", "columns": "a,a"}, "'columns': expected each name once, got 'a' twice"),
        ({"label": "x", "columns": "a", "categorical": "b"}, "'categorical': expected some of "),
        ({"label": "x", "group": "x"}, "'group': expected a column beside the label, got x"),
        ({"label": "x", "group": "a", "time": "b"}, "'time': expected no column beside 'group'"),
        ({"label": "x", "categorical": "a", "components": "2"}, "'components': expected 0 beside"),
    ],
)
def test_settings_that_contradict_each_other(settings: dict[str, str], message: str):
    with pytest.raises(InvalidSetting, match=message):
        load("tabular", settings)


def test_classes_are_not_for_a_number():
    with pytest.raises(InvalidSetting, match="'classes': expected none for regression"):
        read_dataset(load("regression", {"label": "x", "classes": "a,b"}), None)


def test_own_table_needs_a_channel():
    with pytest.raises(InvalidData, match=r"channel 'training': expected a folder of \.csv"):
        read_dataset(load("tabular", {"label": "x"}), None)


def test_each_category_is_a_feature_of_the_first_layer():
    prepared = prepare(*own(), "own")
    assert prepared.features == ("a", "b", "kind")
    assert prepared.test.features.shape[1] == 3
    first = prepared.standardised(prepared.train.features)
    assert first.shape[1] == 6
    np.testing.assert_allclose(first[:, :2].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(first[:, :2].std(axis=0), 1, atol=1e-5)
    kinds = prepared.train.features[:, 2].astype(int)
    np.testing.assert_array_equal(first[:, 2:], np.eye(4)[kinds])


def test_category_that_no_training_row_has_is_unknown():
    recipe, table = own()
    rare = split_rows(
        _strata(table), validation_fraction=0.15, test_fraction=0.2, seed=recipe.seed
    ).test[0]
    values = table.values.copy()
    values[rare, 2] = 1
    values[values[:, 2] == 1, 2] = 0
    values[rare, 2] = 1
    prepared = prepare(recipe, replace(table, values=values), "own")
    assert prepared.schema.categories == {"kind": ("w", "y", "z")}
    unknown = prepared.test.features[:, 2] == -1
    assert unknown.tolist() == [True, *[False] * (len(unknown) - 1)]
    assert prepared.standardised(prepared.test.features)[0, 2:].tolist() == [0, 0, 0]
    assert set(prepared.train.features[:, 2]) == {0, 1, 2}


def test_missing_category_is_unknown():
    recipe, table = own(missing="mean")
    values = table.values.copy()
    values[::9, 2] = np.nan
    prepared = prepare(recipe, replace(table, values=values), "own")
    assert prepared.filled.shape == (3,)
    every = np.concatenate([split.features[:, 2] for split in prepared.splits().values()])
    assert (every == -1).sum() == len(values[::9])
    assert prepared.report.missing == {"kind": len(values[::9])}


def test_rows_of_one_group_are_in_one_split():
    recipe, table = own()
    table = replace(table, groups=np.arange(400) // 5)
    values = table.values.copy()
    values[:, 0] = table.groups
    prepared = prepare(recipe, replace(table, values=values), "own")
    groups = [set(split.features[:, 0]) for split in prepared.splits().values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 80
    # Of the groups whose first row has either class, the fractions rounded down.
    assert [len(each) for each in groups] == [54, 11, 15]


def test_repeated_rows_are_kept_in_one_split():
    recipe, table = own()
    twice = Table(
        table.schema, np.tile(table.values, (2, 1)), np.concatenate([table.labels, table.labels])
    )
    prepared = prepare(recipe, twice, "own")
    assert prepared.report.duplicates == 400
    rows = [split.features[:, 0].tolist() for split in prepared.splits().values()]
    assert sum(map(len, rows)) == 800
    assert sum(len(set(each)) for each in rows) == 400


def test_latest_rows_are_the_test_split():
    recipe, table = own()
    values = table.values.copy()
    values[:, 0] = np.random.default_rng(1).permutation(400)
    prepared = prepare(
        recipe, replace(table, values=values, times=values[:, 0].astype(np.float64)), "own"
    )
    assert sorted(prepared.test.features[:, 0]) == list(range(320, 400))
    assert sorted(prepared.validation.features[:, 0]) == list(range(260, 320))
    assert len(prepared.train) == 260


def test_class_that_comes_too_late_to_be_learned():
    recipe, table = own()
    labels = (np.arange(400) > 350).astype(np.int64)
    late = replace(table, labels=labels, times=np.arange(400.0))
    with pytest.raises(InvalidData, match="class 'yes': expected rows of it in the training split"):
        prepare(recipe, late, "own")


def test_constant_column_stops_or_is_kept():
    recipe, table = own()
    values = table.values.copy()
    values[:, 1] = 7
    flat = replace(table, values=values)
    with pytest.raises(InvalidData, match="column 'b': expected values that differ, got one in"):
        prepare(recipe, flat, "own")
    kept = prepare(own(constant="keep")[0], flat, "own")
    assert (kept.mean[1], kept.scale[1]) == (7, 1)
    assert kept.report.constant == ["b"]


def test_one_class_only():
    recipe, table = own()
    schema = replace(table.schema, classes=("no",))
    alone = replace(table, schema=schema, labels=np.zeros(400, np.int64))
    with pytest.raises(
        InvalidData, match="column 'label': expected two classes at least, got 'no'"
    ):
        prepare(recipe, alone, "own")


def test_too_few_rows():
    recipe, table = own()
    few = table.rows(np.arange(20))
    few.labels[:] = 0
    few.labels[:2] = 1
    with pytest.raises(InvalidData, match=r"class 'yes': expected at least 3 .* got 2; leave them"):
        prepare(recipe, few, "own")
    numbers = Table(Schema(("a",), "size"), few.values[:, :1], few.values[:, 0])
    with pytest.raises(InvalidData, match="table: expected at least 30 rows, got 20"):
        prepare(load("regression", {"label": "size"}), numbers, "own")
