"""Whether a text's nearest neighbour is of its class: what vectors of texts are good for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Texts whose products with all known ones are in memory together.
_TOGETHER = 512


def neighbour_accuracy(
    known: Any, known_labels: NDArray[np.int64], asked: Any, asked_labels: NDArray[np.int64]
) -> float:
    """The share of the asked texts whose nearest known one has their label.

    `known` and `asked` are vectors of length one [texts, size], dense or both sparse; near is
    where the product is large.
    """
    right = 0
    for start in range(0, len(asked_labels), _TOGETHER):
        products = asked[start : start + _TOGETHER] @ known.T
        products = products.toarray() if hasattr(products, "toarray") else products
        found = known_labels[np.asarray(products).argmax(axis=1)]
        right += int((found == asked_labels[start : start + _TOGETHER]).sum())
    return right / len(asked_labels)
