"""The honest baseline: how often words followed each other.

Interpolated modified Kneser-Ney smoothing: S. F. Chen and J. Goodman, An Empirical Study of
Smoothing Techniques for Language Modeling (1999), equations 20 to 26.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

# Counts of 1, of 2, and of 3 and more have discounts of their own.
CLASSES = 3
ABSENT = -1


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """N-grams of one length: `keys`, ascending, have the number of the n-gram without its last
    token, times the vocabulary, and that token.

    `counts` [n-grams] are of the n-grams, or, for all but the longest, of the different tokens
    before them; `total` and `classes` [shorter n-grams, 1 or `CLASSES`] are sums over those that
    begin alike, and how many of them have each class of counts. `discounts` [`CLASSES` + 1] are
    by class, the first for no count.
    """

    keys: Ids
    counts: Ids
    total: Ids
    classes: Ids
    discounts: NDArray[np.float64]

    def number(self, keys: Ids) -> Ids:
        """Of each key, `ABSENT` where it is not one."""
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, ABSENT)


class KneserNey:
    """A model of the tokens `ids` [tokens], each below `vocabulary`, by the `order` - 1 before."""

    def __init__(self, ids: Ids, vocabulary: int, order: int) -> None:
        self.vocabulary = vocabulary
        self.orders: list[Order] = []
        numbers, grams = [np.zeros(len(ids) + 1, np.int64)], []
        for length in range(1, order + 1):
            # Each begins with the shorter one that begins at the same place.
            count = len(ids) - length + 1
            keys = numbers[-1][:count] * vocabulary + ids[length - 1 :]
            unique, first, numbered, times = np.unique(
                keys, return_index=True, return_inverse=True, return_counts=True
            )
            numbers.append(numbered)
            grams.append((unique, first, times))
        for length, (unique, _, times) in enumerate(grams, start=1):
            counts = times
            if length < order:
                # The longer n-grams, each once, by the n-gram that they end with.
                _, first, _ = grams[length]
                counts = np.bincount(numbers[length][1:][first], minlength=len(unique))
            before = len(grams[length - 2][0]) if length > 1 else 1
            self.orders.append(_order(unique, counts, vocabulary, before))

    def nats(self, ids: Ids) -> NDArray[np.float64]:
        """-log of the probability of each token [tokens], by those before it."""
        probabilities = np.full(len(ids), 1 / self.vocabulary)
        # The n-gram before each token: of no tokens at first.
        before = np.zeros(len(ids), np.int64)
        for order in self.orders:
            known = before >= 0
            found = np.full(len(ids), ABSENT)
            found[known] = order.number(before[known] * self.vocabulary + ids[known])
            probabilities = _interpolated(order, before, found, probabilities)
            before = np.concatenate(([ABSENT], found[:-1]))
        nats: NDArray[np.float64] = -np.log(probabilities)
        return nats


def _order(keys: Ids, counts: Ids, vocabulary: int, before: int) -> Order:
    begins = keys // vocabulary
    classes = np.zeros((before, CLASSES), np.int64)
    seen = counts > 0
    np.add.at(classes, (begins[seen], np.minimum(counts[seen], CLASSES) - 1), 1)
    total = np.bincount(begins, counts, minlength=before).astype(np.int64)
    return Order(keys, counts, total, classes, _discounts(counts))


def _discounts(counts: Ids) -> NDArray[np.float64]:
    """Equation 26; as for plain Kneser-Ney where a text is too short for it."""
    once, twice, thrice, four = (max(1, int((counts == number).sum())) for number in range(1, 5))
    share = once / (once + 2 * twice)
    found = [1 - 2 * share * twice / once, 2 - 3 * share * thrice / twice]
    found.append(3 - 4 * share * four / thrice)
    return np.array([0.0, *(np.clip(each, 0.05, 0.95 * n) for n, each in enumerate(found, 1))])


def _interpolated(
    order: Order, before: Ids, found: Ids, shorter: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The probabilities by this order and, by what its discounts leave, the shorter ones'."""
    counts = np.where(found >= 0, order.counts[found], 0)
    total = np.where(before >= 0, order.total[before], 0)
    kept = counts - order.discounts[np.minimum(counts, CLASSES)]
    left = order.classes[before] @ order.discounts[1:]
    known = total > 0
    mixed: NDArray[np.float64] = np.where(
        known, (kept + left * shorter) / np.where(known, total, 1), shorter
    )
    return mixed
