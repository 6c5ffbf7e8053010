"""Labelled texts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Texts, and the class of each, int64 [texts], by its place in `classes`."""

    texts: tuple[str, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def digest(self) -> str:
        """`sha256:<hex>` of classes, texts and labels, wherever they were read from."""
        digest = hashlib.sha256("\0".join((*self.classes, "", *self.texts)).encode())
        digest.update(self.labels.astype("<i8").tobytes())
        return f"sha256:{digest.hexdigest()}"

    def rows(self, numbers: NDArray[np.int64]) -> Corpus:
        """Some of the texts."""
        texts = tuple(self.texts[number] for number in numbers.tolist())
        return Corpus(texts, self.labels[numbers], self.classes)
