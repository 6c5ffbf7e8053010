"""A labelled table and its schema."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Schema:
    """Names of the columns, of the label column, and of the classes 0, 1, ...

    Without classes the label is a number to predict. `categories` names the categories 0, 1, ...
    of each column that is not of numbers.
    """

    columns: tuple[str, ...]
    label: str
    classes: tuple[str, ...] = ()
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def numeric(self) -> bool:
        """Whether the label is a number, not a class."""
        return not self.classes


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows of numbers, float32 [rows, columns], NaN where one is missing; each with its label:
    a class, int64 [rows], or a number, float32 [rows].

    `groups`, int64 [rows], and `times`, float64 [rows], are what rows are split by, if by that.
    """

    schema: Schema
    values: NDArray[np.float32]
    labels: NDArray[Any]
    groups: NDArray[np.int64] | None = None
    times: NDArray[np.float64] | None = None

    def digest(self) -> str:
        """`sha256:<hex>` of all that there is, wherever the rows were read from."""
        schema = self.schema
        digest = hashlib.sha256(",".join((*schema.columns, schema.label)).encode())
        if schema.categories:
            digest.update(json.dumps(schema.categories, sort_keys=True).encode())
        # Names that are the classes' own numbers say no more than the labels do.
        if schema.classes != tuple(map(str, range(len(schema.classes)))):
            digest.update(json.dumps(schema.classes).encode())
        digest.update(self.values.astype("<f4").tobytes())
        digest.update(self.labels.astype("<f4" if schema.numeric else "<i8").tobytes())
        for other, kind in ((self.groups, "<i8"), (self.times, "<f8")):
            if other is not None:
                digest.update(other.astype(kind).tobytes())
        return f"sha256:{digest.hexdigest()}"

    def rows(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> Table:
        """Some of the rows: a mask, or their numbers."""
        return replace(
            self,
            values=self.values[keep],
            labels=self.labels[keep],
            groups=None if self.groups is None else self.groups[keep],
            times=None if self.times is None else self.times[keep],
        )
