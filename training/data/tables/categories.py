"""Categories as the network has them: a feature for each, 1 where it is the row's and else 0."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data.tables.table import Schema, Table

# What a caller sends for a category that was not in the training rows.
UNKNOWN = -1
_NUMBER = -2


@dataclass(frozen=True, slots=True, eq=False)
class Expansion:
    """Columns [columns] to features [width]: feature i is the column `sources[i]`, or whether
    that has the category `categories[i]` where this is not negative. Both int64 [width]."""

    sources: NDArray[np.int64]
    categories: NDArray[np.int64]

    @property
    def marks(self) -> NDArray[np.bool_]:
        """Which features are categories, [width]."""
        marks: NDArray[np.bool_] = self.categories >= 0
        return marks

    def expand(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [rows, columns] to float32 [rows, width]; of an unknown or missing category all
        features are 0."""
        taken = values[:, self.sources]
        taken[:, self.marks] = taken[:, self.marks] == self.categories[self.marks]
        return taken


def expansion(schema: Schema) -> Expansion | None:
    """Columns of numbers as they are; None where there are no others."""
    if not schema.categories:
        return None
    sources: list[int] = []
    categories: list[int] = []
    for place, column in enumerate(schema.columns):
        found = range(len(schema.categories.get(column, ()))) or (_NUMBER,)
        sources += [place] * len(found)
        categories += found
    return Expansion(np.array(sources), np.array(categories))


def known_categories(table: Table, train: NDArray[np.int64]) -> Table:
    """The table with the categories of its training rows; others, and missing ones that the
    caller lets in, are `UNKNOWN`. What no row trains would add noise."""
    values, found = table.values.copy(), {}
    for column, names in table.schema.categories.items():
        cells = values[:, table.schema.columns.index(column)]
        there = ~np.isnan(cells)
        numbers = cells[there].astype(np.int64)
        learned = cells[train]
        kept = np.unique(learned[~np.isnan(learned)].astype(np.int64))
        places = np.full(len(names), UNKNOWN)
        places[kept] = np.arange(len(kept))
        cells[there] = places[numbers]
        cells[~there] = UNKNOWN
        found[column] = tuple(names[number] for number in kept)
    return replace(table, schema=replace(table.schema, categories=found), values=values)
