"""The data that recipes name: its schema, and the rows that come with a package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.data.table import Schema, Table
from training.errors import MissingPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Source:
    """A schema and a function that gives the bundled rows."""

    schema: Schema
    bundled: Callable[[], Table]


_DIGITS = Schema(
    columns=tuple(f"pixel_{i}" for i in range(64)),
    label="label",
    classes=tuple(map(str, range(10))),
)


def _digits() -> Table:
    """8x8 images of handwritten digits, pixels 0 to 16, row by row."""
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError:
        raise MissingPackage("scikit-learn") from None
    values, labels = load_digits(return_X_y=True)
    return Table(_DIGITS, values.astype(np.float32), labels.astype(np.int64))


SOURCES: Mapping[str, Source] = {"digits": Source(_DIGITS, _digits)}
