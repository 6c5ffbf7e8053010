"""What is wrong with a table, counted; and the table without what cannot be trained on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from training.data.split import SPLITS
from training.errors import InvalidData, MissingPackage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from training.data.tables.table import Table

# How many median absolute deviations from the median make an outlier.
OUTLIER_DEVIATIONS = 6.0


@dataclass(frozen=True, slots=True)
class DataReport:
    """Counts over the table as it was read.

    `missing` and `outliers` are by column, those with none left out; `constant` names the columns
    of one value. `incomplete` rows miss a value. Rows equal to an earlier one in every column are
    `duplicates` with its label and `conflicts` with another; `dropped_repeated` of them are not
    trained on. `balance` counts the remaining rows by class.
    """

    read: int
    kept: int
    incomplete: int
    dropped_incomplete: int
    duplicates: int
    conflicts: int
    dropped_repeated: int
    constant: Sequence[str]
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
            "dropped_repeated": self.dropped_repeated,
            "constant": len(self.constant),
            "outliers": sum(self.outliers.values()),
        }


def clean(
    table: Table, *, drop_incomplete: bool, drop_repeated: bool = True
) -> tuple[Table, DataReport]:
    """The table, if asked without incomplete rows; of repeated ones (which would be a leak in two
    splits) the first alone, or all, see `_together`; the counts.

    Outliers are counted and kept: far from the rest is not wrong. Raises InvalidData when no row
    is left.
    """
    absent = np.isnan(table.values)
    incomplete = absent.sum(axis=1) > 0
    kept = table.rows(~incomplete) if drop_incomplete else table
    if not len(kept.labels):
        raise InvalidData(
            "table", expected="rows without a missing value", got=f"none among {len(incomplete)}"
        )
    first, group, duplicates, conflicts = _repeated(kept)
    result = kept
    if duplicates + conflicts:
        result = kept.rows(np.sort(first)) if drop_repeated else _together(kept, group)
    return result, DataReport(
        read=len(table.labels),
        kept=len(result.labels),
        incomplete=int(incomplete.sum()),
        dropped_incomplete=int(incomplete.sum()) if drop_incomplete else 0,
        duplicates=duplicates,
        conflicts=conflicts,
        dropped_repeated=duplicates + conflicts if drop_repeated else 0,
        constant=_constant(table),
        missing={
            name: int(count)
            for name, count in zip(table.schema.columns, absent.sum(axis=0), strict=True)
            if count
        },
        outliers=_outliers(table),
        balance={
            name: int((result.labels == label).sum())
            for label, name in enumerate(table.schema.classes)
        },
    )


def _repeated(table: Table) -> tuple[NDArray[np.int64], NDArray[np.int64], int, int]:
    """Row numbers of each first one; for every row which of these it is equal to; how many repeat
    one with its label, and not."""
    # As bytes two missing values are equal; adding zero turns -0 into 0.
    rows = np.ascontiguousarray(np.where(np.isnan(table.values), np.float32(np.nan), table.values))
    keys = (rows + np.float32(0)).view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))
    _, first, group = np.unique(keys.ravel(), return_index=True, return_inverse=True)
    agree = int((table.labels == table.labels[first[group]]).sum())
    return first, group, agree - len(first), len(table.labels) - agree


def _together(table: Table, equal: NDArray[np.int64]) -> Table:
    """With groups or times by which rows of the same number in `equal` [rows] are in one split.

    Groups that have equal rows become one; equal rows have the time of the earliest. Raises
    InvalidData where that leaves too little to split.
    """
    if table.times is not None:
        earliest = np.full(int(equal.max()) + 1, np.inf)
        np.minimum.at(earliest, equal, table.times)
        times = earliest[equal]
        _check_apart(len(np.unique(times)), len(np.unique(table.times)), "times")
        return replace(table, times=times)
    if table.groups is None:
        return replace(table, groups=equal)
    groups = _united(table.groups, equal)
    _check_apart(len(np.unique(groups)), len(np.unique(table.groups)), "groups")
    return replace(table, groups=groups)


def _united(groups: NDArray[np.int64], equal: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each row the least group that it is joined with by equal rows, of any number between."""
    try:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components
    except ModuleNotFoundError:
        raise MissingPackage("scipy") from None
    names, group = np.unique(groups, return_inverse=True)
    nodes = len(names) + int(equal.max()) + 1
    # A row is an edge between its group and the rows that it is equal to.
    edges = coo_array((np.ones(len(group)), (group, len(names) + equal)), shape=(nodes, nodes))
    _, part = connected_components(edges, directed=False)
    _, first = np.unique(part[: len(names)], return_index=True)
    least = np.empty(nodes, np.int64)
    least[part[first]] = names[first]
    united: NDArray[np.int64] = least[part[group]]
    return united


def _check_apart(left: int, found: int, what: str) -> None:
    if left < SPLITS <= found:
        raise InvalidData(
            "table",
            expected=f"at least {SPLITS} {what} without a row that is equal to another's",
            got=f"{left} of {found}; repeated=drop leaves repeated rows out",
        )


def _constant(table: Table) -> list[str]:
    """Columns in which no two values differ; missing ones are none."""
    low = np.fmin.reduce(table.values, axis=0)
    high = np.fmax.reduce(table.values, axis=0)
    return [name for name, same in zip(table.schema.columns, low == high, strict=True) if same]


def _outliers(table: Table) -> dict[str, int]:
    """By column of numbers, and for the label where it is one; those with none are left out.

    A column of which more than half is one value has no deviation to measure by: none counted.
    """
    schema = table.schema
    # A column at a time, for the memory that all would take.
    columns = list(zip(schema.columns, table.values.T, strict=True))
    if schema.numeric:
        columns.append((schema.label, table.labels))
    counts = {
        name: _far(values[~np.isnan(values)].astype(np.float64))
        for name, values in columns
        if name not in schema.categories
    }
    return {name: count for name, count in counts.items() if count}


def _far(values: NDArray[np.float64]) -> int:
    if not len(values):
        return 0
    distance = np.abs(values - np.median(values))
    deviation = np.median(distance)
    return int((distance > OUTLIER_DEVIATIONS * deviation).sum()) if deviation > 0 else 0
