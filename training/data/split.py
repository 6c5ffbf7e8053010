"""Train, validation and test rows: stratified by the label, decided by the seed alone; or by
groups that stay together, or by time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    Strata = Iterable[tuple[str, NDArray[np.int64]]]

# A number to predict is stratified by as many equally frequent ranges of it.
BINS = 10


class SplitRows(NamedTuple):
    """Row numbers of each split, int64, ascending; no row is in two of them."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


SPLITS = len(SplitRows._fields)


def split_rows(
    strata: Strata, *, validation_fraction: float, test_fraction: float, seed: int
) -> SplitRows:
    """Split each stratum, a name and its row numbers, by the fractions, with at least one row of
    it in every split.

    Raises InvalidData for a stratum of fewer than three rows.
    """
    generator = np.random.default_rng(seed)
    parts: tuple[list[NDArray[np.int64]], ...] = ([], [], [])
    for name, stratum in strata:
        rows = generator.permutation(stratum)
        if len(rows) < SPLITS:
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


def split_groups(
    groups: NDArray[np.int64],
    strata: Callable[[NDArray[np.int64]], Strata],
    *,
    validation_fraction: float,
    test_fraction: float,
    seed: int,
) -> SplitRows:
    """Split rows by the group [rows] that each is of, so that no group is in two splits.

    The fractions are of the groups. `strata(rows)` are the strata of the first rows of all groups,
    by their places among them; those of fewer than three are split together. Raises InvalidData
    for fewer than three groups.
    """
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    if len(first) < SPLITS:
        raise InvalidData(
            "table", expected="at least 3 groups, one for each split", got=f"{len(first)}"
        )
    split = split_rows(
        _large_enough(strata(first)),
        validation_fraction=validation_fraction,
        test_fraction=test_fraction,
        seed=seed,
    )
    member = np.empty(len(first), np.int64)
    for number, part in enumerate(split):
        member[part] = number
    return SplitRows(*(np.flatnonzero(member[group] == number) for number in range(SPLITS)))


def split_times(
    times: NDArray[np.float64], *, validation_fraction: float, test_fraction: float
) -> SplitRows:
    """The latest rows to test, the latest before them to validate; rows of one time stay together.

    So the held-out splits may be larger than their fractions. Raises InvalidData where no earlier
    time is left.
    """
    ascending = np.sort(times)
    test = ascending[-max(1, int(len(times) * test_fraction))]
    earlier = ascending[ascending < test]
    if len(earlier):
        validation = earlier[-min(len(earlier), max(1, int(len(times) * validation_fraction)))]
    if not len(earlier) or validation == ascending[0]:
        raise InvalidData(
            "table",
            expected="times that leave rows to train on before those to validate and to test",
            got=f"{len(np.unique(times))} different ones",
        )
    return SplitRows(
        np.flatnonzero(times < validation),
        np.flatnonzero((times >= validation) & (times < test)),
        np.flatnonzero(times >= test),
    )


def _large_enough(strata: Strata) -> Strata:
    """The strata of three rows or more; the others joined, and to the last of these if need be."""
    large: list[tuple[str, NDArray[np.int64]]] = []
    small: list[tuple[str, NDArray[np.int64]]] = []
    for name, rows in strata:
        (large if len(rows) >= SPLITS else small).append((name, rows))
    if not small:
        return large
    joined = np.concatenate([rows for _, rows in small])
    if len(joined) < SPLITS and large:
        name, rows = large.pop()
        return [*large, (name, np.concatenate([rows, joined]))]
    return [*large, ("rare rows", joined)]


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
