"""Parts of files put together to one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training.data.tables.cells import (
    ABSENT,
    Names,
    Times,
    begins_with_word,
    read_numbers,
)
from training.data.tables.table import Schema, Table
from training.errors import InvalidData

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data.tables.cells import Part
    from training.data.tables.layout import Layout

# More of them, and a column tells rows apart rather than what they have in common.
MOST_NAMES = 1000
# Of a column's range, how far float32 may be from its values.
LARGEST_ROUNDING = 1e-3
IF_MISSING = "; missing=drop leaves such rows out, missing=mean fills them in"
REMOVE = "; remove such rows"


class TableBuilder:
    """Reads parts by a layout; the whole table is float32 from the start."""

    def __init__(self, layout: Layout, *, missing_allowed: bool) -> None:
        self._layout, self._missing_allowed = layout, missing_allowed
        self.rows = 0
        self._values: list[NDArray[np.float32]] = []
        self._labels: list[NDArray[Any]] = []
        self._groups: list[NDArray[np.int64]] = []
        self._times: list[NDArray[np.float64]] = []
        self._categories = {name: Names() for name in layout.columns if name in layout.categorical}
        self._classes, self._group_names = Names(layout.classes), Names()
        self._clock = Times()
        # Of each column the smallest and the largest value, and how far float32 is from its values.
        self._low, self._high = np.full((2, len(layout.columns)), [[np.inf], [-np.inf]])
        self._rounding = np.zeros(len(layout.columns))
        self._if_word = ""

    def add(self, part: Part) -> None:
        """Raises InvalidData with the place and the reason."""
        layout = self._layout
        if layout.own and not self.rows:
            self._if_word = _advice(part, layout)
        self.rows += part.rows
        values = np.empty((part.rows, len(layout.columns)), np.float32)
        for place, name in enumerate(layout.columns):
            values[:, place] = self._column(part, place, name)
        self._values.append(values)
        if layout.numeric:
            labels = read_numbers(part, layout.label, if_missing=REMOVE)
            self._labels.append(labels.astype(np.float32))
        else:
            self._labels.append(self._classes.read(part, layout.label, if_missing=REMOVE))
        if layout.group:
            groups = self._group_names.read(part, layout.group, if_missing=REMOVE)
            self._groups.append(groups)
        if layout.time:
            self._times.append(self._clock.read(part, layout.time))

    def _column(self, part: Part, place: int, name: str) -> NDArray[Any]:
        allowed = self._missing_allowed
        if name in self._categories:
            numbers = self._categories[name].read(
                part, name, missing_allowed=allowed, if_missing=IF_MISSING
            )
            return np.where(numbers == ABSENT, np.nan, numbers)
        exact = read_numbers(
            part, name, missing_allowed=allowed, if_missing=IF_MISSING, if_word=self._if_word
        )
        # These pass over NaN.
        self._low[place] = np.fmin.reduce(exact, initial=self._low[place])
        self._high[place] = np.fmax.reduce(exact, initial=self._high[place])
        off = np.abs(exact - exact.astype(np.float32))
        self._rounding[place] = np.fmax.reduce(off, initial=self._rounding[place])
        return exact

    def table(self) -> Table:
        """What came so far. Raises InvalidData for columns that cannot be learned from."""
        layout = self._layout
        values, labels = np.concatenate(self._values), np.concatenate(self._labels)
        self._check_rounding()
        categories = {}
        for name, names in self._categories.items():
            _check_number(name, names, "categories of a column (leave it out by columns)")
            categories[name], places = names.sorted()
            column = values[:, layout.columns.index(name)]
            known = ~np.isnan(column)
            column[known] = places[column[known].astype(np.int64)]
        classes: tuple[str, ...] = ()
        if not layout.numeric:
            _check_number(layout.label, self._classes, "classes (regression predicts a number)")
            classes, places = self._classes.sorted()
            labels = places[labels]
        return Table(
            Schema(layout.columns, layout.label, classes, categories),
            values,
            labels,
            np.concatenate(self._groups) if layout.group else None,
            np.concatenate(self._times) if layout.time else None,
        )

    def _check_rounding(self) -> None:
        """A moment in seconds, say, loses its minutes."""
        spread = self._high - self._low
        for place in np.flatnonzero((spread > 0) & (self._rounding > LARGEST_ROUNDING * spread)):
            raise InvalidData(
                f"column '{self._layout.columns[place]}'",
                expected="numbers whose differences float32 holds (about seven digits)",
                got=f"{self._low[place]:.15g} to {self._high[place]:.15g}; "
                "subtract the smallest from all of them, here and when the model is called",
            )


def _advice(part: Part, layout: Layout) -> str:
    """What to do about a word where a number should be, for all columns that begin with one."""
    words = [
        name for name in layout.columns if name in part.numbers and begins_with_word(part, name)
    ]
    if not words:
        return "; leave the row out, or the column by columns"
    return f"; categorical={','.join(words)} takes columns of words, columns leaves others out"


def _check_number(column: str, names: Names, what: str) -> None:
    if len(names.found) > MOST_NAMES:
        raise InvalidData(
            f"column '{column}'", expected=f"at most {MOST_NAMES} {what}", got=f"{len(names.found)}"
        )
