"""Train, validation and test rows: stratified by class, decided by the seed alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from training.errors import InvalidData

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data.table import Table


class SplitRows(NamedTuple):
    """Row numbers of each split, int64, ascending; no row is in two of them."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split_rows(
    table: Table, *, validation_fraction: float, test_fraction: float, seed: int
) -> SplitRows:
    """Split each class by the fractions, with at least one row of it in every split.

    Raises InvalidData for a class of fewer than three rows.
    """
    generator = np.random.default_rng(seed)
    parts: tuple[list[NDArray[np.int64]], ...] = ([], [], [])
    for label, name in enumerate(table.schema.classes):
        rows = generator.permutation(np.flatnonzero(table.labels == label))
        if len(rows) < len(parts):
            raise InvalidData(
                f"class '{name}'",
                expected="at least 3 different rows, one for each split",
                got=f"{len(rows)}",
            )
        # Rounded down, so that rows are left to train on whatever the fractions.
        test = max(1, int(len(rows) * test_fraction))
        validation = max(1, int(len(rows) * validation_fraction))
        for part, chosen in zip(
            parts, np.split(rows, [len(rows) - test - validation, len(rows) - test]), strict=True
        ):
            part.append(chosen)
    return SplitRows(*(np.sort(np.concatenate(part)) for part in parts))
