"""Recipes: a training job as data, from TOML, with `key=value` settings over it."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from infermeter.errors import InvalidManifest
from infermeter.manifest import check_model_name
from training.combinations import settle
from training.errors import InvalidRecipe, InvalidSetting, UnknownRecipe, UnknownSetting
from training.fields import build, checked, from_text, leaves
from training.settings.card import CardSettings
from training.settings.families import FAMILIES
from training.settings.ranges import Range
from training.settings.sections import (
    CompressionSettings,
    GateSettings,
    ScaleSettings,
    TrainingSettings,
)
from training.tasks import Task, check_task

if TYPE_CHECKING:
    from collections.abc import Mapping

RECIPES = Path(__file__).parent / "recipes"
AS_IT_COMES = ScaleSettings()
UNCOMPRESSED = CompressionSettings()
NOTHING_SAID = CardSettings()
# These say what the recipe is; everything else may be set beside it.
FIXED = frozenset({"name", "family", "task", "purpose", "limits", "about_data", "data_digest"})


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what comes out, but for the data's own bytes.

    `data` and `network` are of the types that `FAMILIES` names for the family.
    """

    name: str
    family: str
    task: Task
    seed: Annotated[int, Range(0, 2**32 - 1)]
    data: Any
    network: Any
    training: TrainingSettings
    gate: GateSettings
    scale: ScaleSettings = AS_IT_COMES
    compression: CompressionSettings = UNCOMPRESSED
    card: CardSettings = NOTHING_SAID

    def document(self) -> dict[str, Any]:
        """The recipe as nested dictionaries, fit for JSON."""
        return asdict(self)


def names() -> list[str]:
    """The recipes that come with the project."""
    return sorted(file.stem for file in RECIPES.glob("*.toml"))


def settings(family: str) -> list[str]:
    """The names that may be set beside a recipe of this family."""
    found = leaves(Recipe, sections=_sections(family))
    return sorted(key for _, key, _ in found if key not in FIXED)


def load(name: str, overrides: Mapping[str, str]) -> Recipe:
    """The recipe of this name, or in this `.toml` file, with the settings given beside it.

    `overrides` holds text by plain field name (`epochs`, `learning_rate`, `hidden`: `64,64`).
    Raises UnknownRecipe, UnknownSetting, or InvalidSetting with the field, what was expected
    and what came.
    """
    document = _read(name)
    family = document.get("family")
    if not isinstance(family, str) or family not in FAMILIES:
        got = "nothing" if family is None else repr(family)
        raise InvalidSetting("family", expected=f"one of {', '.join(FAMILIES)}", got=got)
    sections = _sections(family)
    places = {key: (section, hint) for section, key, hint in leaves(Recipe, sections=sections)}
    _forget_other_data(document, FAMILIES[family].own, overrides)
    for key, text in overrides.items():
        if key not in places or key in FIXED:
            raise UnknownSetting(key, settings(family))
        section, hint = places[key]
        target = document.setdefault(section, {}) if section else document
        if isinstance(target, dict):
            target[key] = checked(key, hint, from_text(key, hint, text))
    recipe: Recipe = build(Recipe, document, sections=sections)
    _check_name(recipe.name)
    tables = filter(lambda section: isinstance(section, dict), document.values())
    check_task(recipe)
    return settle(recipe, {key for table in tables for key in table})


def _check_name(name: str) -> None:
    """The model's, which the registry would refuse only once it is trained."""
    try:
        check_model_name(name)
    except InvalidManifest:
        expected = "1 to 64 of A-Z a-z 0-9 . _ - (and not 'stats')"
        raise InvalidSetting("name", expected=expected, got=repr(name)) from None


def _forget_other_data(document: dict[str, Any], own: str, overrides: Mapping[str, str]) -> None:
    """What the recipe says of its data does not hold where other data is trained on.

    With `own` nothing of the section holds, with another source only what the card says.
    """
    data = document.get("data")
    if not isinstance(data, dict):
        return
    if own in overrides and own not in data:
        document["data"] = {}
        document.pop("card", None)
    elif overrides.get("source", data.get("source")) != data.get("source"):
        document.pop("card", None)


def _sections(family: str) -> dict[str, type]:
    return {"data": FAMILIES[family].data, "network": FAMILIES[family].network}


def _read(name: str) -> dict[str, Any]:
    own = name.endswith(".toml") and "\0" not in name
    if not own and name not in names():
        raise UnknownRecipe(name, names())
    path = Path(name) if own else RECIPES / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise UnknownRecipe(name, names()) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InvalidRecipe(f"recipe '{name}': expected TOML, got {error}") from None
