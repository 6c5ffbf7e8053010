"""A table made ready for training: cleaned, split, and measured on the training rows only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.data.dataset import ArrayRows, Dataset
from training.data.split import by_class, by_number, split_rows
from training.data.tables.channel import read_channel
from training.data.tables.cleaning import clean
from training.data.tables.components import fit_components
from training.data.tables.sources import SOURCES
from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.tables.components import Components
    from training.data.tables.table import Schema, Table
    from training.recipe import Recipe


_EPSILON = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, slots=True)
class Target:
    """Of the number to predict: its mean and standard deviation over the training split."""

    mean: float
    scale: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TabularDataset(Dataset):
    """Three splits and what was fitted on the first: projection, mean and scale of each feature.

    Features are float32 [rows, features], as a caller of the model has them; targets the classes,
    or the numbers standardised, float32 [rows, 1]. `mean` and `scale` are float32 [features],
    named by `features`. `components` is None where the features are the table's columns; `target`
    is None where there are `classes`. `filled` is the mean that stands for a missing value of each
    column, float32 [columns], or None.
    """

    train: ArrayRows
    validation: ArrayRows
    test: ArrayRows
    features: tuple[str, ...]
    components: Components | None
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    filled: NDArray[np.float32] | None
    target: Target | None
    schema: Schema


def read_dataset(recipe: Recipe, channel: Path | None) -> TabularDataset:
    """The rows of the channel's files, or the bundled ones without a channel, prepared.

    Raises InvalidData, MissingPackage, or InvalidSetting for too many components.
    """
    source = SOURCES[recipe.data.source]
    if channel is None:
        return prepare(recipe, source.bundled(), f"bundled {recipe.data.source}")
    table = read_channel(source.schema, channel, missing_allowed=recipe.data.missing != "stop")
    return prepare(recipe, table, "channel training")


def prepare(recipe: Recipe, table: Table, source: str) -> TabularDataset:
    """Clean, split, project and measure a table; see `read_dataset`."""
    settings, digest = recipe.data, table.digest()
    table, report = clean(table, drop_incomplete=settings.missing == "drop")
    rows = split_rows(
        _strata(table),
        validation_fraction=settings.validation_fraction,
        test_fraction=settings.test_fraction,
        seed=recipe.seed,
    )
    values, filled = table.values, None
    if settings.missing == "mean":
        filled = _column_means(table, rows.train)
        values = np.where(np.isnan(values), filled, values)
    components, features = None, table.schema.columns
    if settings.components:
        components = fit_components(values[rows.train], settings.components)
        values = components.project(values)
        features = tuple(f"f{i}" for i in range(settings.components))
    target = _measure(table.labels[rows.train]) if table.schema.numeric else None
    train, validation, test = (_split(values[part], table.labels[part], target) for part in rows)
    mean = train.features.mean(axis=0, dtype=np.float64)
    deviation = train.features.std(axis=0, dtype=np.float64)
    # The rounding of a constant: of components, which have one unit, a millionth of the rest.
    noise = np.abs(mean) * _EPSILON if components is None else 1e-6 * deviation.max()
    return TabularDataset(
        train=train,
        validation=validation,
        test=test,
        features=features,
        components=components,
        mean=mean.astype(np.float32),
        scale=np.where(deviation > noise, deviation, 1.0).astype(np.float32),
        filled=filled,
        classes=table.schema.classes,
        target=target,
        schema=table.schema,
        report=report,
        source=source,
        digest=digest,
    )


def _strata(table: Table) -> Iterator[tuple[str, NDArray[np.int64]]]:
    if table.schema.numeric:
        return by_number(table.labels, table.schema.label)
    return by_class(table.labels, table.schema.classes)


def _column_means(table: Table, train: NDArray[np.int64]) -> NDArray[np.float32]:
    """Over the training rows that have a value."""
    values = table.values[train].astype(np.float64)
    counts = (~np.isnan(values)).sum(axis=0)
    if not counts.all():
        name = table.schema.columns[int(counts.argmin())]
        raise InvalidData(
            f"column '{name}'", expected="a value in one training row at least", got="none"
        )
    means: NDArray[np.float32] = (np.nansum(values, axis=0) / counts).astype(np.float32)
    return means


def _measure(numbers: NDArray[np.float32]) -> Target:
    mean, scale = float(numbers.mean(dtype=np.float64)), float(numbers.std(dtype=np.float64))
    if not scale > 0:
        raise InvalidData(
            "label column", expected="numbers that differ", got=f"{mean:g} in every training row"
        )
    return Target(mean, scale)


def _split(features: NDArray[np.float32], labels: NDArray[Any], target: Target | None) -> ArrayRows:
    if target is None:
        return ArrayRows(features, labels, labels)
    standardised = ((labels - target.mean) / target.scale).astype(np.float32)
    return ArrayRows(features, labels, standardised[:, None])
