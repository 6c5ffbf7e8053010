"""A table made ready for training: split, projected, and measured on the training rows only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.data.channel import read_csv
from training.data.components import fit_components
from training.data.sources import SOURCES
from training.data.split import split_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.components import Components
    from training.data.table import Table
    from training.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Raw principal components, float32 [rows, components], and classes, int64 [rows]."""

    features: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Three splits and what was fitted on the first: projection, mean and scale of each feature.

    `mean` and `scale` are float32 [components]; `digest` is that of the table before the split.
    """

    train: Split
    validation: Split
    test: Split
    components: Components
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    classes: tuple[str, ...]
    source: str
    digest: str

    def splits(self) -> Mapping[str, Split]:
        """The splits by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


def read_dataset(recipe: Recipe, channel: Path | None) -> Dataset:
    """The rows of the channel's CSV files, or the bundled ones without a channel, prepared.

    Raises InvalidData, MissingPackage, or InvalidSetting for too many components.
    """
    source = SOURCES[recipe.data.source]
    if channel is None:
        return prepare(recipe, source.bundled(), f"bundled {recipe.data.source}")
    return prepare(recipe, read_csv(source.schema, channel), "channel training")


def prepare(recipe: Recipe, table: Table, source: str) -> Dataset:
    """Split, project and measure a table; see `read_dataset`."""
    digest = table.digest()
    table = table.distinct()
    rows = split_rows(
        table,
        validation_fraction=recipe.data.validation_fraction,
        test_fraction=recipe.data.test_fraction,
        seed=recipe.seed,
    )
    components = fit_components(table.values[rows.train], recipe.data.components)
    train, validation, test = (
        Split(components.project(table.values[part]), table.labels[part]) for part in rows
    )
    deviation = train.features.std(axis=0, dtype=np.float64)
    # What varies a millionth of the rest is the rounding of a constant.
    varies = deviation > 1e-6 * deviation.max()
    return Dataset(
        train=train,
        validation=validation,
        test=test,
        components=components,
        mean=train.features.mean(axis=0, dtype=np.float64).astype(np.float32),
        scale=np.where(varies, deviation, 1.0).astype(np.float32),
        classes=table.schema.classes,
        source=source,
        digest=digest,
    )
