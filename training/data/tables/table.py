"""A labelled table and its schema."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Schema:
    """Names of the numeric columns, of the label column, and of the classes 0, 1, ...

    Without classes the label is a number to predict.
    """

    columns: tuple[str, ...]
    label: str
    classes: tuple[str, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether the label is a number, not a class."""
        return not self.classes


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows of numbers, float32 [rows, columns], NaN where one is missing; each with its label:
    a class, int64 [rows], or a number, float32 [rows]."""

    schema: Schema
    values: NDArray[np.float32]
    labels: NDArray[Any]

    def digest(self) -> str:
        """`sha256:<hex>` of columns, values and labels, wherever the rows were read from."""
        digest = hashlib.sha256(",".join((*self.schema.columns, self.schema.label)).encode())
        digest.update(self.values.astype("<f4").tobytes())
        digest.update(self.labels.astype("<f4" if self.schema.numeric else "<i8").tobytes())
        return f"sha256:{digest.hexdigest()}"

    def rows(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> Table:
        """Some of the rows: a mask, or their numbers."""
        return Table(self.schema, self.values[keep], self.labels[keep])
