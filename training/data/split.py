"""Train, validation and test rows: stratified by the label, decided by the seed alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

# A number to predict is stratified by as many equally frequent ranges of it.
BINS = 10


class SplitRows(NamedTuple):
    """Row numbers of each split, int64, ascending; no row is in two of them."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split_rows(
    strata: Iterable[tuple[str, NDArray[np.int64]]],
    *,
    validation_fraction: float,
    test_fraction: float,
    seed: int,
) -> SplitRows:
    """Split each stratum, a name and its row numbers, by the fractions, with at least one row of
    it in every split.

    Raises InvalidData for a stratum of fewer than three rows.
    """
    generator = np.random.default_rng(seed)
    parts: tuple[list[NDArray[np.int64]], ...] = ([], [], [])
    for name, stratum in strata:
        rows = generator.permutation(stratum)
        if len(rows) < len(parts):
            raise InvalidData(
                name,
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


def by_class(
    labels: NDArray[np.int64], classes: Sequence[str]
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """A stratum for each class."""
    for label, name in enumerate(classes):
        yield f"class '{name}'", np.flatnonzero(labels == label)


def by_number(numbers: NDArray[np.floating], name: str) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """A stratum for each tenth of the rows by the number of this name."""
    ascending = np.argsort(numbers, kind="stable")
    for tenth, rows in enumerate(np.array_split(ascending, BINS), start=1):
        yield f"tenth {tenth} of the rows by '{name}'", rows
