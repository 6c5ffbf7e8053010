"""How far a figure could be from what endless rows of the same kind would give.

Every interval here is of 95 %, and of the rows alone: that another seed trains another model is
not in it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

# The standard normal distribution's 97.5 % quantile.
_Z = 1.959963984540054
_TAILS = (2.5, 97.5)
RESAMPLES = 2000
# More rows than these are first summed in as many groups, so that time and memory stay small.
MOST_GROUPS = 4096


# Its low end and its high end.
Interval = tuple[float, float]


def wilson(part: int, whole: int) -> Interval:
    """Of a share, `part` of `whole` independent rows; all of 0 to 1 where there are none.

    E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.
    """
    if whole == 0:
        return (0.0, 1.0)
    share, square = part / whole, _Z * _Z / whole
    centre = (share + square / 2) / (1 + square)
    reach = _Z * math.sqrt((share * (1 - share) + square / 4) / whole) / (1 + square)
    # Rounding alone could leave the range.
    low, high = max(0.0, centre - reach), min(1.0, centre + reach)
    return (0.0 if part == 0 else low, 1.0 if part == whole else high)


def groups(rows: int) -> NDArray[np.int64]:
    """The number of each row's group: its own, or, of more than `MOST_GROUPS` rows, that of as
    many, taken at random, as leave no more groups than that."""
    size = -(-rows // MOST_GROUPS)
    numbers = np.arange(rows) // size
    return numbers if size == 1 else np.random.default_rng(0).permutation(numbers)


def by_group(terms: NDArray[np.float64], numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums [groups, terms] of the rows' terms [rows, terms]; `numbers` are those of `groups`.

    A sum of groups drawn with replacement spreads as a sum of their rows would.
    """
    sums = np.zeros((int(numbers.max()) + 1, terms.shape[1]))
    np.add.at(sums, numbers, terms)
    return sums


def resampled(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums [RESAMPLES, terms] over groups of rows drawn with replacement, as many as `terms`
    [groups, terms] has; [0, terms] of fewer than two, which are the same however drawn.

    The draws depend on the number of groups alone. Two methods judged on the same rows are hence
    drawn alike, and the difference of their figures is a paired one. B. Efron and R. J.
    Tibshirani, An Introduction to the Bootstrap (1993), chapters 6 and 13.
    """
    generator, count = np.random.default_rng(0), len(terms)
    if count < 2:
        return np.zeros((0, terms.shape[1]))
    draws = (generator.integers(0, count, count) for _ in range(RESAMPLES))
    times = np.stack([np.bincount(drawn, minlength=count) for drawn in draws])
    sums: NDArray[np.float64] = times.astype(np.float64) @ terms
    return sums


def percentiles(figures: NDArray[np.float64]) -> Interval | None:
    """The interval that a figure's resampled values span, the tails cut off; None without values,
    or where one of them is no number: drawn so, the rows have no such figure."""
    if not len(figures) or np.isnan(figures).any():
        return None
    low, high = np.percentile(figures, _TAILS)
    return (float(low), float(high))


def of_each(figures: Mapping[str, NDArray[np.float64]]) -> dict[str, Interval | None]:
    """The interval of each figure by its resampled values."""
    return {name: percentiles(values) for name, values in figures.items()}
