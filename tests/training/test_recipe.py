"""Recipes and the settings given beside them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

import pytest

from training import combinations
from training.errors import InvalidRecipe, InvalidSetting, UnknownRecipe, UnknownSetting
from training.fields import leaves
from training.recipe import RECIPES, Recipe, load, names, settings
from training.settings.card import CardSettings
from training.settings.tabular import TabularData, TabularNetworkSettings

if TYPE_CHECKING:
    from pathlib import Path

SECTIONS = {"data": TabularData, "network": TabularNetworkSettings}
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


@pytest.mark.parametrize("name", names())
def test_every_bundled_recipe_says_what_its_model_is_for_and_is_not(name: str):
    card = load(name, {}).card
    assert card.purpose
    assert card.limits
    assert card.about_data
    assert re.fullmatch("sha256:[0-9a-f]{64}", card.data_digest)


def test_nothing_of_a_card_holds_for_other_data():
    card = load("tabular", {}).card
    assert card.about(card.data_digest) == card
    assert card.about("sha256:0") == CardSettings()
    own = CardSettings(purpose="Mine.")
    assert own.about("sha256:0") == own


def test_card_is_the_authors_and_may_be_left_out(tmp_path: Path):
    assert load("tabular", {}).card.purpose.startswith("Names the handwritten digit")
    file = tmp_path / "own.toml"
    before, after = TABULAR.split("[card]")
    file.write_text(before + "[gate]" + after.split("[gate]")[1])
    assert load(str(file), {}).card.purpose == ""


@pytest.mark.parametrize("text", ["[32, 16]", "[32,16]", '["32", "16"]', "32, 16"])
def test_list_may_come_as_json(text: str):
    assert load("tabular", {"hidden": text}).network.hidden == (32, 16)


def test_list_of_texts_as_json_may_hold_commas():
    given = {"source": "table", "label": "y", "columns": '["a", "b, c"]'}
    assert load("tabular", given).data.columns == ("a", "b, c")


def test_no_hidden_layer_is_a_linear_model():
    assert load("tabular", {"hidden": "[]"}).network.hidden == ()


def test_field_names_are_unique_over_sections():
    keys = [key for _, key, _ in leaves(Recipe, sections=SECTIONS)]
    assert len(keys) == len(set(keys))


def test_recipe_from_a_file(tmp_path: Path):
    file = tmp_path / "own.toml"
    file.write_text(TABULAR.replace('name = "tabular"', 'name = "own"'))
    assert load(str(file), {"seed": "7"}).name == "own"


def test_unknown_recipe_names_the_known():
    with pytest.raises(UnknownRecipe, match=r"one of .*tabular.*, or the path .* got 'speach'"):
        load("speach", {})


@pytest.mark.parametrize(
    "name", ["../recipes/tabular", f"{RECIPES}/tabular", "a\0.toml", "", "a\0"]
)
def test_path_that_is_no_toml_file_is_no_recipe(name: str):
    with pytest.raises(UnknownRecipe, match=r"or the path of a .toml file, got '"):
        load(name, {})


def test_unknown_setting_names_the_known():
    with pytest.raises(UnknownSetting, match=r"'epoch': expected one of .*epochs.*learning_rate"):
        load("tabular", {"epoch": "3"})


@pytest.mark.parametrize("key", ["name", "family", "recipe", "training", "purpose"])
def test_what_the_recipe_is_cannot_be_set(key: str):
    assert key not in settings("tabular")
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
            "'optimizer': expected one of gradient_descent, sgd, adam, adamw, muon, got 'lion'",
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
        (
            'name = "tabular"',
            'name = "a b"',
            "'name': expected 1 to 64 of A-Z a-z 0-9 . _ - .*, got 'a b'",
        ),
        ('name = "tabular"', 'name = "../x"', "'name': expected 1 to 64 of .*, got '../x'"),
        ('name = "tabular"', 'name = "stats"', "'name': expected .*not 'stats'.*, got 'stats'"),
        ("[network]", "[layers]", "'layers': expected one of name,"),
        ("limits = [", "limits = [1,", r"'card.limits\[0\]': expected a text, got 1"),
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


def test_defaults_may_be_left_out_and_leave_everything_off(recipe):
    training, network = recipe.training, recipe.network
    assert (network.initialization, network.dropout) == ("pytorch", 0.0)
    assert (training.schedule, training.warmup_epochs, training.clip_norm) == ("constant", 0, 0)
    assert (training.l1, training.l2, training.patience) == (0, 0, 0)
    assert (training.class_weights, training.label_smoothing) == ("none", 0)
    assert "keep" in TABULAR
    assert "dropout" not in TABULAR


def test_required_settings_may_not_be_left_out(tmp_path: Path):
    file = tmp_path / "short.toml"
    file.write_text(TABULAR.replace("keep = ", "# ").replace("threads = ", "# "))
    assert load(str(file), {}) == load("tabular", {})
    file.write_text(TABULAR.replace("learning_rate = ", "# "))
    with pytest.raises(InvalidSetting, match=r"'training.learning_rate': .* got nothing"):
        load(str(file), {})


@pytest.mark.parametrize(
    ("name", "choice", "field", "default"),
    [
        ("tabular", {"optimizer": "sgd"}, "momentum", 0.9),
        ("tabular", {"optimizer": "adamw"}, "weight_decay", 0.01),
        ("tabular", {"schedule": "step"}, "step_epochs", 10),
        ("tabular", {"schedule": "step"}, "decay", 0.1),
        ("tabular", {"schedule": "exponential"}, "decay", 0.95),
        ("tabular", {"schedule": "cosine"}, "final_fraction", 0.0),
        ("tabular", {"schedule": "linear"}, "final_fraction", 0.0),
        ("regression", {"loss": "huber"}, "huber_delta", 1.0),
    ],
)
def test_default_of_a_choice_is_its_own(name: str, choice, field: str, default: float):
    assert getattr(load(name, choice).training, field) == default


def test_default_of_an_initialization():
    assert load("tabular", {"initialization": "normal"}).network.initialization_std == 0.05


def test_what_is_given_is_taken_though_it_switches_it_off():
    assert load("tabular", {"optimizer": "adamw", "weight_decay": "0"}).training.weight_decay == 0
    assert load("tabular", {"optimizer": "sgd", "momentum": "0"}).training.momentum == 0
    assert load("tabular", {"schedule": "step", "decay": "1"}).training.decay == 1


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        (
            "tabular",
            {"weight_decay": "0.1"},
            "'weight_decay': expected it with optimizer adamw or muon only, not with adam, got 0.1",
        ),
        ("tabular", {"momentum": "0.9"}, "'momentum': expected it with optimizer sgd only"),
        ("tabular", {"nesterov": "true"}, "'nesterov': expected it with optimizer sgd only"),
        ("tabular", {"nesterov": "yes"}, "'nesterov': expected true or false, got 'yes'"),
        (
            "tabular",
            {"optimizer": "sgd", "momentum": "0", "nesterov": "true"},
            "'momentum': expected more than 0 with nesterov, got 0",
        ),
        (
            "tabular",
            {"optimizer": "gradient_descent"},
            "'batch_size': expected 0, all rows at once, with optimizer gradient_descent, got 16",
        ),
        ("tabular", {"huber_delta": "2"}, "'huber_delta': expected it with loss huber only"),
        (
            "regression",
            {"class_weights": "balanced"},
            "'class_weights': expected it with loss sparse_categorical_crossentropy or binary_cro",
        ),
        (
            "tabular",
            {"loss": "binary_crossentropy", "label_smoothing": "0.1"},
            "'label_smoothing': expected it with loss sparse_categorical_crossentropy only",
        ),
        (
            "decoder",
            {"class_weights": "balanced"},
            "'class_weights': expected none for language_modelling, whose tokens are no classes",
        ),
        ("tabular", {"decay": "0.5"}, "'decay': expected it with schedule step or exponential"),
        ("tabular", {"step_epochs": "5"}, "'step_epochs': expected it with schedule step only"),
        ("tabular", {"final_fraction": "0"}, "'final_fraction': expected it with schedule linear"),
        ("tabular", {"warmup_epochs": "11"}, "'warmup_epochs': expected at most the 10 epochs"),
        ("tabular", {"min_delta": "0.1"}, "'min_delta': expected 0 without patience, got 0.1"),
        ("tabular", {"hidden": "", "dropout": "0.5"}, "'dropout': expected 0 without a hidden"),
        (
            "tabular",
            {"initialization_std": "0.1"},
            "'initialization_std': expected it with initialization normal only, not with pytorch",
        ),
        ("tabular", {"dropout": "1"}, "'dropout': expected a number from 0 to 0.95, got 1.0"),
        ("tabular", {"loss": "mse"}, "'loss': expected one of sparse_categorical_crossentropy, bi"),
        (
            "regression",
            {"loss": "binary_crossentropy"},
            "'loss': expected one of mse, mae, huber for regression, got 'binary_crossentropy'",
        ),
    ],
)
def test_setting_that_nothing_would_use_is_refused(name: str, overrides, message: str):
    with pytest.raises(InvalidSetting, match=message):
        load(name, overrides)


def test_every_refusable_setting_is_a_field():
    belongings = [*combinations.TRAINING, *combinations.NETWORK]
    for field, choice, defaults in belongings:
        hints = {key: hint for _, key, hint in leaves(Recipe, sections=SECTIONS)}
        assert field in hints
        assert set(defaults) <= set(get_args(hints[choice]))
