"""Recipes: a training job as data, from TOML, with `key=value` settings over it."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from training.combinations import settle
from training.errors import InvalidRecipe, UnknownRecipe, UnknownSetting
from training.fields import Range, build, checked, from_text, leaves
from training.tasks import Task, check_task

if TYPE_CHECKING:
    from collections.abc import Mapping

RECIPES = Path(__file__).parent / "recipes"
# These say what the recipe is; everything else may be set beside it.
FIXED = frozenset({"name", "family", "task"})


@dataclass(frozen=True, slots=True)
class DataSettings:
    """What is trained on. The fractions are of each class's rows, or of each tenth by number.

    Without `components` the features are the columns themselves. A row that lacks a value stops
    the job, is dropped, or gets the training rows' mean of the column.
    """

    source: Literal["diabetes", "digits"]
    components: Annotated[int, Range(0, 4096)]
    validation_fraction: Annotated[float, Range(0.01, 0.4)]
    test_fraction: Annotated[float, Range(0.01, 0.4)]
    missing: Literal["stop", "drop", "mean"] = "stop"


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Widths of the hidden layers, none of which makes it a linear model, and how they begin.

    `dropout` is the share of each hidden layer's values that a training step leaves out.
    """

    hidden: tuple[Annotated[int, Range(1, 65536)], ...]
    initialization: Literal[
        "pytorch",
        "kaiming_uniform",
        "kaiming_normal",
        "xavier_uniform",
        "xavier_normal",
        "orthogonal",
        "normal",
    ] = "pytorch"
    initialization_std: Annotated[float, Range(1e-6, 10.0)] = 0.0
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.0


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How it is trained.

    `batch_size` and `clip_norm`, `patience` and the penalties are 0 for all rows, and for none.
    What belongs to one loss, optimizer or schedule has its default in `combinations`; the ones
    here mean that it is not used. `warmup_epochs` may be a fraction; the rate changes each step.
    """

    epochs: Annotated[int, Range(1, 100_000)]
    batch_size: Annotated[int, Range(0, 1_000_000)]
    loss: Literal["sparse_categorical_crossentropy", "binary_crossentropy", "mse", "mae", "huber"]
    optimizer: Literal["gradient_descent", "sgd", "adam", "adamw"]
    learning_rate: Annotated[float, Range(1e-8, 10.0)]
    huber_delta: Annotated[float, Range(1e-6, 1e6)] = 0.0
    label_smoothing: Annotated[float, Range(0.0, 0.9)] = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    momentum: Annotated[float, Range(0.0, 0.9999)] = 0.0
    nesterov: bool = False
    weight_decay: Annotated[float, Range(0.0, 100.0)] = 0.0
    schedule: Literal["constant", "linear", "cosine", "step", "exponential"] = "constant"
    warmup_epochs: Annotated[float, Range(0.0, 100_000.0)] = 0.0
    step_epochs: Annotated[int, Range(1, 100_000)] = 0
    decay: Annotated[float, Range(1e-6, 1.0)] = 1.0
    final_fraction: Annotated[float, Range(0.0, 1.0)] = 1.0
    clip_norm: Annotated[float, Range(0.0, 1e6)] = 0.0
    l1: Annotated[float, Range(0.0, 100.0)] = 0.0
    l2: Annotated[float, Range(0.0, 100.0)] = 0.0
    patience: Annotated[int, Range(0, 100_000)] = 0
    min_delta: Annotated[float, Range(0.0, 1e6)] = 0.0
    keep: Literal["best", "last"] = "best"
    threads: Annotated[int, Range(1, 256)] = 1


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What a model must reach to be published: accuracy and R2 at least `threshold`, errors at
    most."""

    metric: Literal["accuracy", "loss", "r2", "mae", "rmse"]
    split: Literal["train", "validation", "test"]
    threshold: Annotated[float, Range(0.0, 1e6)]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what comes out, but for the data's own bytes."""

    name: str
    family: Literal["tabular"]
    task: Task
    seed: Annotated[int, Range(0, 2**32 - 1)]
    data: DataSettings
    network: NetworkSettings
    training: TrainingSettings
    gate: GateSettings

    def document(self) -> dict[str, Any]:
        """The recipe as nested dictionaries, fit for JSON."""
        return asdict(self)


def names() -> list[str]:
    """The recipes that come with the project."""
    return sorted(file.stem for file in RECIPES.glob("*.toml"))


def settings() -> list[str]:
    """The names that may be set beside a recipe."""
    return sorted(key for _, key, _ in leaves(Recipe) if key not in FIXED)


def load(name: str, overrides: Mapping[str, str]) -> Recipe:
    """The recipe of this name, or in this `.toml` file, with the settings given beside it.

    `overrides` holds text by plain field name (`epochs`, `learning_rate`, `hidden`: `64,64`).
    Raises UnknownRecipe, UnknownSetting, or InvalidSetting with the field, what was expected
    and what came.
    """
    document = _read(name)
    places = {key: (section, hint) for section, key, hint in leaves(Recipe) if key not in FIXED}
    for key, text in overrides.items():
        if key not in places:
            raise UnknownSetting(key, settings())
        section, hint = places[key]
        target = document.setdefault(section, {}) if section else document
        if isinstance(target, dict):
            target[key] = checked(key, hint, from_text(key, hint, text))
    recipe: Recipe = build(Recipe, document)
    sections = filter(lambda section: isinstance(section, dict), document.values())
    check_task(recipe)
    return settle(recipe, {key for section in sections for key in section})


def _read(name: str) -> dict[str, Any]:
    path = Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise UnknownRecipe(name, names()) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InvalidRecipe(f"recipe '{name}': expected TOML, got {error}") from None
