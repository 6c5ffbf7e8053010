"""A labelled table and its schema."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Schema:
    """Names of the numeric columns, of the label column, and of the classes 0, 1, ..."""

    columns: tuple[str, ...]
    label: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows of numbers, float32 [rows, columns], each with its class, int64 [rows]."""

    schema: Schema
    values: NDArray[np.float32]
    labels: NDArray[np.int64]

    def digest(self) -> str:
        """`sha256:<hex>` of columns, values and labels, wherever the rows were read from."""
        digest = hashlib.sha256(",".join((*self.schema.columns, self.schema.label)).encode())
        digest.update(self.values.astype("<f4").tobytes())
        digest.update(self.labels.astype("<i8").tobytes())
        return f"sha256:{digest.hexdigest()}"

    def distinct(self) -> Table:
        """The table without repeated rows: one that fell into two splits would be a leak."""
        _, first = np.unique(self.values, axis=0, return_index=True)
        keep = np.sort(first)
        return Table(self.schema, self.values[keep], self.labels[keep])
