"""A recipe's own data as the files of a channel: for machines that lack what it is made by."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.data.channel_files import channel_files
from training.errors import InvalidData, InvalidSetting, MissingPackage, OutputRefused
from training.recipe import load
from training.settings.families import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training.recipe import Recipe

# What a family imports, whatever of it is asked for.
NEEDED = {"torch": "torch", "sklearn": "scikit-learn"}


@dataclass(frozen=True, slots=True)
class WrittenData:
    """How many `files` and `bytes` lie in `folder`, and the digest of the data, which a model that
    is trained on them has in its lineage."""

    recipe: str
    folder: Path
    files: int
    bytes: int
    digest: str


def write_data(recipe: str, overrides: Mapping[str, str], folder: Path) -> WrittenData:
    """Write the data that the recipe trains on without a channel, and read it back as one.

    The folder is made; only an empty one is written into. Raises InvalidRecipe, InvalidData,
    MissingPackage, MissingSystemPackage, OutputRefused.
    """
    chosen = load(recipe, overrides)
    _check_source(chosen)
    _check_packages()
    from training.families.opening import open_family

    family = open_family(chosen)
    try:
        _make_folder(folder)
        digest = family.write_data(folder)
    except OSError as error:
        raise OutputRefused(folder, error.strerror or str(error)) from None
    found = family.read(folder).digest
    if found != digest:
        raise InvalidData(f"{folder}, read back", expected=f"the data {digest}", got=found)
    files = channel_files(folder)
    size = sum(file.size for file in files)
    return WrittenData(chosen.name, folder, len(files), size, digest)


def _check_source(recipe: Recipe) -> None:
    family, source = FAMILIES[recipe.family], recipe.data.source
    if source == family.brought:
        known = [name for name in family.sources[recipe.task] if name != family.brought]
        expected = f"one whose data the recipe brings itself ({', '.join(known)})"
        raise InvalidSetting("source", expected=expected, got=source)


def _check_packages() -> None:
    for module, package in NEEDED.items():
        if importlib.util.find_spec(module) is None:
            raise MissingPackage(package)


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise OutputRefused(folder, "there is something in it, and it would be taken for data too")
