"""A table made ready for training: cleaned, split, and measured on the training rows only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.data.dataset import ArrayRows, Dataset
from training.data.split import (
    BINS,
    SPLITS,
    by_class,
    by_number,
    split_groups,
    split_rows,
    split_times,
)
from training.data.tables.categories import expansion, known_categories
from training.data.tables.channel import CHANNEL, read_channel, write_csv
from training.data.tables.cleaning import clean
from training.data.tables.components import fit_components
from training.data.tables.sources import SOURCES
from training.errors import InvalidData, InvalidSetting
from training.settings.tabular import OWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.split import SplitRows
    from training.data.tables.categories import Expansion
    from training.data.tables.cleaning import DataReport
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

    Features are float32 [rows, features], as a caller of the model has them, named by `features`;
    targets the classes, or the numbers standardised, float32 [rows, 1]. `expansion` is None where
    no feature has categories. `mean` and `scale` are those of the expanded features, float32
    [width], 0 and 1 for a category. `components` is None where the features are the table's
    columns; `target` is None where there are `classes`. `filled` is the mean that stands for a
    missing value of each column, float32 [columns], or None.
    """

    train: ArrayRows
    validation: ArrayRows
    test: ArrayRows
    features: tuple[str, ...]
    components: Components | None
    expansion: Expansion | None
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    filled: NDArray[np.float32] | None
    target: Target | None
    schema: Schema

    def standardised(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features as the first layer has them, float32 [rows, width]."""
        if self.expansion is not None:
            features = self.expansion.expand(features)
        standardised: NDArray[np.float32] = (features - self.mean) / self.scale
        return standardised


def read_dataset(recipe: Recipe, channel: Path | None) -> TabularDataset:
    """The rows of the channel's files, or the bundled ones without a channel, prepared.

    Raises InvalidData, MissingPackage, or InvalidSetting for too many components.
    """
    own = recipe.data.source == OWN
    if recipe.data.classes and recipe.task != "classification":
        raise InvalidSetting("classes", expected=f"none for {recipe.task}", got="some")
    if channel is not None:
        return prepare(recipe, read_channel(recipe, channel), "channel training")
    if own:
        raise InvalidData(
            CHANNEL, expected=f"a folder of .csv or .parquet files for source {OWN}", got="none"
        )
    return prepare(recipe, SOURCES[recipe.data.source].bundled(), f"bundled {recipe.data.source}")


def write_data(recipe: Recipe, folder: Path) -> str:
    """The bundled rows as a channel; their digest. Raises MissingPackage."""
    write_csv(recipe, folder)
    return SOURCES[recipe.data.source].bundled().digest()


def prepare(recipe: Recipe, table: Table, source: str) -> TabularDataset:
    """Clean, split, project and measure a table; see `read_dataset`."""
    settings, digest = recipe.data, table.digest()
    table, report = clean(
        table,
        drop_incomplete=settings.missing == "drop",
        drop_repeated=settings.repeated == "drop",
    )
    _check(recipe, table, report)
    rows = _split_rows(recipe, table)
    table = known_categories(table, rows.train)
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
    train, validation, test = (_part(values[part], table.labels[part], target) for part in rows)
    expanded = expansion(table.schema)
    mean, scale = _standardisation(train.features, components, expanded)
    return TabularDataset(
        train=train,
        validation=validation,
        test=test,
        features=features,
        components=components,
        expansion=expanded,
        mean=mean,
        scale=scale,
        filled=filled,
        classes=table.schema.classes,
        target=target,
        schema=table.schema,
        report=report,
        source=source,
        digest=digest,
    )


def _check(recipe: Recipe, table: Table, report: DataReport) -> None:
    """Raises InvalidData for what nothing can be learned from."""
    if len(table.schema.classes) == 1:
        raise InvalidData(
            f"column '{table.schema.label}'",
            expected="two classes at least",
            got=f"'{table.schema.classes[0]}' in every row",
        )
    if report.constant and recipe.data.constant == "stop":
        raise InvalidData(
            f"column '{report.constant[0]}'",
            expected="values that differ",
            got="one in every row; leave it out by columns, or set constant=keep",
        )


def _split_rows(recipe: Recipe, table: Table) -> SplitRows:
    fractions = {
        "validation_fraction": recipe.data.validation_fraction,
        "test_fraction": recipe.data.test_fraction,
    }
    if table.times is not None:
        rows = split_times(table.times, **fractions)
    elif table.groups is not None:
        rows = split_groups(
            table.groups, lambda first: _strata(table.rows(first)), **fractions, seed=recipe.seed
        )
    else:
        _check_enough(table)
        return split_rows(_strata(table), **fractions, seed=recipe.seed)
    _check_learned(table, rows.train)
    return rows


def _check_enough(table: Table) -> None:
    """Raises InvalidData for fewer rows than each split needs one of."""
    rows, least = len(table.labels), BINS * SPLITS
    if table.schema.numeric and rows < least:
        raise InvalidData("table", expected=f"at least {least} rows", got=f"{rows}")
    for number, name in enumerate(table.schema.classes):
        if (count := int((table.labels == number).sum())) < SPLITS:
            raise InvalidData(
                f"class '{name}'",
                expected=f"at least {SPLITS} different rows, one for each split",
                got=f"{count}; leave them out (a number is predicted by the recipe regression)",
            )


def _check_learned(table: Table, train: NDArray[np.int64]) -> None:
    """Raises InvalidData for a class that no training row has."""
    learned = set(table.labels[train].tolist())
    for number, name in enumerate(table.schema.classes):
        if number not in learned:
            raise InvalidData(
                f"class '{name}'",
                expected="rows of it in the training split",
                got="none; leave its rows out, or split others by another seed or another column",
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


def _standardisation(
    features: NDArray[np.float32], components: Components | None, expanded: Expansion | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and deviation of each expanded feature, 1 where it has none, float32 [width]."""
    mean = features.mean(axis=0, dtype=np.float64)
    deviation = features.std(axis=0, dtype=np.float64)
    # The rounding of a constant: of components, which have one unit, a millionth of the rest.
    noise = np.abs(mean) * _EPSILON if components is None else 1e-6 * deviation.max()
    scale = np.where(deviation > noise, deviation, 1.0)
    if expanded is not None:
        mean = np.where(expanded.marks, 0.0, mean[expanded.sources])
        scale = np.where(expanded.marks, 1.0, scale[expanded.sources])
    return mean.astype(np.float32), scale.astype(np.float32)


def _measure(numbers: NDArray[np.float32]) -> Target:
    mean, scale = float(numbers.mean(dtype=np.float64)), float(numbers.std(dtype=np.float64))
    if not scale > 0:
        raise InvalidData(
            "label column", expected="numbers that differ", got=f"{mean:g} in every training row"
        )
    return Target(mean, scale)


def _part(features: NDArray[np.float32], labels: NDArray[Any], target: Target | None) -> ArrayRows:
    if target is None:
        return ArrayRows(features, labels, labels)
    standardised = ((labels - target.mean) / target.scale).astype(np.float32)
    return ArrayRows(features, labels, standardised[:, None])
