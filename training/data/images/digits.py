"""scikit-learn's handwritten digits as the pictures they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.errors import MissingPackage

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSES = tuple(map(str, range(10)))
_INK = 16


def read_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """1,797 pictures, uint8 [pictures, 8, 8, 1], 0 the ground and 255 full ink, and their digits.

    Counts of inked dots, 0 to 16, are spread over 0 to 255: each has a value of its own. Raises
    MissingPackage.
    """
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError:
        raise MissingPackage("scikit-learn") from None
    values, labels = load_digits(return_X_y=True)
    pictures = np.rint(values * (255 / _INK)).astype(np.uint8)
    return pictures.reshape(-1, 8, 8, 1), labels.astype(np.int64)
