"""What is wrong with a table, counted; and the table without what cannot be trained on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from training.data.tables.table import Table

# How many median absolute deviations from the median make an outlier.
OUTLIER_DEVIATIONS = 6.0


@dataclass(frozen=True, slots=True)
class DataReport:
    """Counts over the table as it was read.

    `missing` and `outliers` are by column, those with none left out. `incomplete` rows miss a
    value. Rows equal to an earlier one in every column are `duplicates` with its label and
    `conflicts` with another; neither is trained on. `balance` counts the remaining rows by class.
    """

    read: int
    kept: int
    incomplete: int
    dropped_incomplete: int
    duplicates: int
    conflicts: int
    missing: Mapping[str, int]
    outliers: Mapping[str, int]
    balance: Mapping[str, int]

    def document(self) -> dict[str, Any]:
        """Everything, fit for JSON."""
        return asdict(self)

    def summary(self) -> dict[str, int]:
        """The totals."""
        return {
            "read": self.read,
            "kept": self.kept,
            "missing": sum(self.missing.values()),
            "dropped_incomplete": self.dropped_incomplete,
            "duplicates": self.duplicates,
            "conflicts": self.conflicts,
            "outliers": sum(self.outliers.values()),
        }


def clean(table: Table, *, drop_incomplete: bool) -> tuple[Table, DataReport]:
    """The table without repeated rows (one that fell into two splits would be a leak), the first
    of each kept, and if asked without incomplete ones; and the counts.

    Outliers are counted and kept: far from the rest is not wrong. Raises InvalidData when no row
    is left.
    """
    absent = np.isnan(table.values)
    incomplete = absent.sum(axis=1) > 0
    kept = table.rows(~incomplete) if drop_incomplete else table
    first, duplicates, conflicts = _repeated(kept)
    result = kept.rows(first)
    if not len(result.labels):
        raise InvalidData(
            "table", expected="rows without a missing value", got=f"none among {len(incomplete)}"
        )
    return result, DataReport(
        read=len(table.labels),
        kept=len(result.labels),
        incomplete=int(incomplete.sum()),
        dropped_incomplete=int(incomplete.sum()) if drop_incomplete else 0,
        duplicates=duplicates,
        conflicts=conflicts,
        missing=_counts(table, absent),
        outliers=_outliers(table),
        balance={
            name: int((result.labels == label).sum())
            for label, name in enumerate(table.schema.classes)
        },
    )


def _repeated(table: Table) -> tuple[NDArray[np.int64], int, int]:
    """Row numbers of each first one, ascending; how many repeat one with its label, and not."""
    # As bytes two missing values are equal; adding zero turns -0 into 0.
    rows = np.ascontiguousarray(np.where(np.isnan(table.values), np.float32(np.nan), table.values))
    keys = (rows + np.float32(0)).view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))
    _, first, group = np.unique(keys.ravel(), return_index=True, return_inverse=True)
    agree = int((table.labels == table.labels[first[group]]).sum())
    return np.sort(first), agree - len(first), len(table.labels) - agree


def _outliers(table: Table) -> dict[str, int]:
    """By column, and for the label where it is a number.

    A column of which more than half is one value has no deviation to measure by: none counted.
    """
    values = table.values.astype(np.float64)
    if table.schema.numeric:
        values = np.column_stack((values, table.labels))
    # A column with every value missing has none to count, and no median either.
    known = ~np.isnan(values).all(axis=0)
    far = np.zeros(values.shape, bool)
    distance = np.abs(values[:, known] - np.nanmedian(values[:, known], axis=0))
    deviation = np.nanmedian(distance, axis=0)
    far[:, known] = (distance > OUTLIER_DEVIATIONS * deviation) & (deviation > 0)
    return _counts(table, far)


def _counts(table: Table, marked: NDArray[np.bool_]) -> dict[str, int]:
    names = (*table.schema.columns, table.schema.label)
    return {
        name: int(count)
        for name, count in zip(names, marked.sum(axis=0), strict=False)
        if count > 0
    }
