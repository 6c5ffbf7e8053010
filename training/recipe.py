"""Recipes: a training job as data, from TOML, with `key=value` settings over it."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

from training.errors import InvalidRecipe, InvalidSetting, UnknownRecipe, UnknownSetting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RECIPES = Path(__file__).parent / "recipes"
# These two say what the recipe is; everything else may be set beside it.
FIXED = frozenset({"name", "family"})


@dataclass(frozen=True, slots=True)
class Range:
    """The smallest and the largest value of a number, both allowed."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        """False for NaN too."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class DataSettings:
    """What is trained on. The fractions are of each class's rows."""

    source: Literal["digits"]
    components: Annotated[int, Range(1, 4096)]
    validation_fraction: Annotated[float, Range(0.01, 0.4)]
    test_fraction: Annotated[float, Range(0.01, 0.4)]


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Widths of the hidden layers; none makes it a linear model."""

    hidden: tuple[Annotated[int, Range(1, 65536)], ...]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How it is trained."""

    epochs: Annotated[int, Range(1, 100_000)]
    batch_size: Annotated[int, Range(1, 1_000_000)]
    loss: Literal["sparse_categorical_crossentropy"]
    optimizer: Literal["adam", "adamw", "sgd"]
    learning_rate: Annotated[float, Range(1e-8, 10.0)]
    keep: Literal["best", "last"]
    threads: Annotated[int, Range(1, 256)]


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What a model must reach to be published: accuracy at least, loss at most, `threshold`."""

    metric: Literal["accuracy", "loss"]
    split: Literal["train", "validation", "test"]
    threshold: Annotated[float, Range(0.0, 1e6)]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what comes out, but for the data's own bytes."""

    name: str
    family: Literal["tabular"]
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
    return sorted(key for _, key, _ in _leaves(Recipe) if key not in FIXED)


def load(name: str, overrides: Mapping[str, str]) -> Recipe:
    """The recipe of this name, or in this `.toml` file, with the settings given beside it.

    `overrides` holds text by plain field name (`epochs`, `learning_rate`, `hidden`: `64,64`).
    Raises UnknownRecipe, UnknownSetting, or InvalidSetting with the field, what was expected
    and what came.
    """
    document = _read(name)
    places = {key: (section, hint) for section, key, hint in _leaves(Recipe) if key not in FIXED}
    for key, text in overrides.items():
        if key not in places:
            raise UnknownSetting(key, settings())
        section, hint = places[key]
        target = document.setdefault(section, {}) if section else document
        if isinstance(target, dict):
            target[key] = _checked(key, hint, _from_text(key, hint, text))
    recipe: Recipe = _build(Recipe, document, "")
    return recipe


def _read(name: str) -> dict[str, Any]:
    path = Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise UnknownRecipe(name, names()) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InvalidRecipe(f"recipe '{name}': expected TOML, got {error}") from None


def _leaves(kind: type, section: str = "") -> Iterator[tuple[str, str, Any]]:
    """(section, field, annotation) of every setting; field names are unique over all sections."""
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if is_dataclass(hint) and isinstance(hint, type):
            yield from _leaves(hint, name)
        else:
            yield section, name, hint


def _build(kind: Any, document: object, path: str) -> Any:
    if not isinstance(document, dict):
        raise InvalidSetting(path.rstrip("."), expected="a table", got=repr(document))
    hints = get_type_hints(kind, include_extras=True)
    for name in document:
        if name not in hints:
            raise UnknownSetting(path + name, hints)
    values = {}
    for name, hint in hints.items():
        if name not in document:
            raise InvalidSetting(path + name, expected=_expected(hint), got="nothing")
        if is_dataclass(hint):
            values[name] = _build(hint, document[name], f"{path}{name}.")
        else:
            values[name] = _checked(path + name, hint, document[name])
    return kind(**values)


def _checked(field: str, hint: Any, value: Any) -> Any:
    """The value in the annotation's type; InvalidSetting when it is not one of its values."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_checked(f"{field}[{i}]", arguments[0], item) for i, item in enumerate(value))
    if origin is Literal and value in arguments:
        return value
    if origin is Annotated and _is_number(arguments[0], value) and value in arguments[1]:
        return arguments[0](value)
    if hint is str and isinstance(value, str):
        return value
    raise InvalidSetting(field, expected=_expected(hint), got=repr(value))


def _is_number(kind: type, value: object) -> bool:
    return type(value) is int or (kind is float and type(value) is float)


def _from_text(field: str, hint: Any, text: str) -> Any:
    """The text as TOML would have given it; its value is still to be checked."""
    try:
        if get_origin(hint) is tuple:
            return [int(item) for item in text.strip("[]() ").split(",") if item.strip()]
        if get_origin(hint) is Annotated:
            kind = get_args(hint)[0]
            return kind(text)
    except ValueError:
        raise InvalidSetting(field, expected=_expected(hint), got=repr(text)) from None
    return text


def _expected(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return f"a list, each {_expected(arguments[0])}"
    if origin is Literal:
        return f"one of {', '.join(arguments)}"
    if origin is Annotated:
        kind = "a whole number" if arguments[0] is int else "a number"
        return f"{kind} from {arguments[1].low:g} to {arguments[1].high:g}"
    return "a table" if is_dataclass(hint) else "a text"
