"""Recipes and the settings given beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from training.errors import InvalidRecipe, InvalidSetting, UnknownRecipe, UnknownSetting
from training.fields import leaves
from training.recipe import RECIPES, Recipe, load, names, settings

if TYPE_CHECKING:
    from pathlib import Path

TABULAR = (RECIPES / "tabular.toml").read_text()


def test_every_bundled_recipe_loads():
    assert [load(name, {}).name for name in names()] == names()


def test_reference_recipe_is_the_reference_net(recipe):
    assert recipe.data.components == 10
    assert recipe.network.hidden == (64, 64)
    assert (recipe.training.optimizer, recipe.training.epochs) == ("adam", 10)
    assert recipe.training.loss == "sparse_categorical_crossentropy"


def test_settings_come_as_text_by_plain_name():
    recipe = load("tabular", {"epochs": "3", "learning_rate": "1e-2", "hidden": "32,16"})
    assert recipe.training.epochs == 3
    assert recipe.training.learning_rate == pytest.approx(0.01)
    assert recipe.network.hidden == (32, 16)


def test_no_hidden_layer_is_a_linear_model():
    assert load("tabular", {"hidden": "[]"}).network.hidden == ()


def test_field_names_are_unique_over_sections():
    keys = [key for _, key, _ in leaves(Recipe)]
    assert len(keys) == len(set(keys))


def test_recipe_from_a_file(tmp_path: Path):
    file = tmp_path / "own.toml"
    file.write_text(TABULAR.replace('name = "tabular"', 'name = "own"'))
    assert load(str(file), {"seed": "7"}).name == "own"


def test_unknown_recipe_names_the_known():
    with pytest.raises(UnknownRecipe, match=r"one of .*tabular.*, or the path .* got 'vision'"):
        load("vision", {})


def test_unknown_setting_names_the_known():
    with pytest.raises(UnknownSetting, match=r"'epoch': expected one of .*epochs.*learning_rate"):
        load("tabular", {"epoch": "3"})


@pytest.mark.parametrize("key", ["name", "family", "recipe", "training"])
def test_what_the_recipe_is_cannot_be_set(key: str):
    assert key not in settings()
    with pytest.raises(UnknownSetting, match=f"'{key}'"):
        load("tabular", {key: "x"})


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("epochs", "ten", "'epochs': expected a whole number from 1 to 100000, got 'ten'"),
        ("epochs", "1.5", "'epochs': expected a whole number"),
        ("epochs", "0", "'epochs': expected a whole number from 1 to 100000, got 0"),
        ("learning_rate", "nan", "'learning_rate': expected a number from"),
        ("learning_rate", "-1", "'learning_rate': expected a number from"),
        ("hidden", "64,x", "'hidden': expected a list, each a whole number"),
        ("hidden", "64,0", r"'hidden\[1\]': expected a whole number"),
        (
            "optimizer",
            "lion",
            "'optimizer': expected one of gradient_descent, sgd, adam, adamw, got 'lion'",
        ),
    ],
)
def test_wrong_setting_says_field_expected_and_got(key: str, text: str, message: str):
    with pytest.raises(InvalidSetting, match=message):
        load("tabular", {key: text})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = 10", 'epochs = "10"', "'training.epochs': .* got '10'"),
        ("epochs = 10", "epochs = true", "'training.epochs': .* got True"),
        ("epochs = 10", "", "'training.epochs': .* got nothing"),
        ("epochs = 10", "epoch = 10", "'training.epoch': expected one of epochs,"),
        ("hidden = [64, 64]", "hidden = 64", "'network.hidden': expected a list"),
        ("seed = 0", "seed = 0.5", "'seed': expected a whole number"),
        ('name = "tabular"', "name = 1", "'name': expected a text, got 1"),
        ("[network]", "[layers]", "'layers': expected one of name,"),
        ("[network]", "[[network]]", "'network': expected a table"),
        ("[network]", "[network", "expected TOML"),
    ],
)
def test_wrong_file_says_field_expected_and_got(tmp_path: Path, old: str, new: str, message: str):
    file = tmp_path / "wrong.toml"
    file.write_text(TABULAR.replace(old, new))
    with pytest.raises(InvalidRecipe, match=message):
        load(str(file), {})


def test_setting_within_a_broken_section(tmp_path: Path):
    file = tmp_path / "wrong.toml"
    file.write_text("training = 1\n" + TABULAR.split("[data]", maxsplit=1)[0])
    with pytest.raises(InvalidRecipe, match="'data': expected a table, got nothing"):
        load(str(file), {"epochs": "3"})
