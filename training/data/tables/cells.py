"""Cells of a column as numbers, as names and as times."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

LARGEST = float(np.finfo(np.float32).max)
# In lower case.
MISSING = frozenset({"", "na", "nan"})
# Stands for a name that is missing.
ABSENT = -1
_WHOLE = re.compile(r"(-?\d+)\.0+")


class Part(NamedTuple):
    """Some rows of one file.

    `where(row, column)` names a cell's place for a message; `numbers` has texts as they stand in
    a file, or float64 [rows] with NaN where one is missing; `texts` has "" there.
    """

    rows: int
    where: Callable[[int, str], str]
    numbers: Mapping[str, Sequence[str] | NDArray[np.float64]]
    texts: Mapping[str, Sequence[str]]


def read_numbers(
    part: Part,
    column: str,
    *,
    missing_allowed: bool = False,
    if_missing: str = "",
    if_word: str = "",
) -> NDArray[np.float64]:
    """float64 [rows], NaN where one is missing. Raises InvalidData for what is no finite float32,
    and for missing ones that are not allowed; `if_...` say what to do about it."""
    cells = part.numbers[column]
    given = isinstance(cells, np.ndarray)
    values = cells if isinstance(cells, np.ndarray) else _parsed(cells)
    for row in map(int, np.flatnonzero(~(np.abs(values) <= LARGEST))):
        text = _text(values[row]) if given else str(cells[row])
        missing = text.strip().lower() in MISSING
        if not (missing and missing_allowed):
            word = if_word if math.isnan(values[row]) else ""
            raise InvalidData(
                part.where(row, column),
                expected="a finite float32",
                got=f"'{text}'{if_missing if missing else word}",
            )
    return values


def begins_with_word(part: Part, column: str) -> bool:
    """Whether the first cell that is not empty is no number, nor one that is missing."""
    cells = part.numbers[column]
    if isinstance(cells, np.ndarray):
        return False
    first = next((cell for cell in cells if cell.strip()), "")
    return first.strip().lower() not in MISSING and math.isnan(_number(first))


def _parsed(cells: Sequence[str]) -> NDArray[np.float64]:
    try:
        # Python would take 1_000 for a number.
        if "_" not in "".join(cells):
            return np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        pass
    return np.fromiter(map(_number, cells), np.float64, len(cells))


def _number(text: str) -> float:
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan


def _text(value: float) -> str:
    return "" if math.isnan(value) else f"{value:g}"


class Names:
    """The names that a column has, each with the number that stands for it.

    Given some, no other is allowed. `2.0` is the name `2`, as a file that lacks a value has it.
    """

    def __init__(self, given: Iterable[str] = ()) -> None:
        self._fixed = bool(given)
        self.found: list[str] = []
        # By every text that was seen.
        self._numbers: dict[str, int] = {"": ABSENT}
        for name in given:
            self._add(name)

    def read(
        self, part: Part, column: str, *, missing_allowed: bool = False, if_missing: str = ""
    ) -> NDArray[np.int64]:
        """The numbers of the names, int64 [rows], -1 where one is missing. Raises InvalidData for
        a missing one that is not allowed, `if_missing` saying what to do, and for one that is not
        among those given."""
        texts = [text.strip() for text in part.texts[column]]
        for text in dict.fromkeys(texts):
            if not self._knows(text):
                raise InvalidData(
                    part.where(texts.index(text), column),
                    expected=f"one of {', '.join(self.found)}",
                    got=repr(text),
                )
        numbers = np.fromiter(map(self._numbers.__getitem__, texts), np.int64, len(texts))
        if (numbers == ABSENT).any() and not missing_allowed:
            raise InvalidData(
                part.where(texts.index(""), column),
                expected="a value in every row",
                got=f"''{if_missing}",
            )
        return numbers

    def _knows(self, text: str) -> bool:
        """From now on, unless it is a new name and the names were given."""
        if text not in self._numbers:
            whole = _WHOLE.fullmatch(text)
            name = whole[1] if whole else text
            if name not in self._numbers:
                if self._fixed:
                    return False
                self._add(name)
            self._numbers[text] = self._numbers[name]
        return True

    def _add(self, name: str) -> None:
        self._numbers[name] = len(self.found)
        self.found.append(name)

    def sorted(self) -> tuple[tuple[str, ...], NDArray[np.int64]]:
        """The names in the order of the numbers that they are, or else of the alphabet; and for
        each number that stood for a name its place among them, int64 [names]."""
        if self._fixed:
            return tuple(self.found), np.arange(len(self.found))
        values = list(map(_number, self.found))
        numeric = not any(map(math.isnan, values))
        order = sorted(
            range(len(self.found)), key=lambda i: (values[i] if numeric else 0.0, self.found[i])
        )
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        return tuple(self.found[i] for i in order), places


class Times:
    """The times that a column has: all numbers, or all dates."""

    def __init__(self) -> None:
        self._dates: bool | None = None

    def read(self, part: Part, column: str) -> NDArray[np.float64]:
        """Numbers as they are, dates of ISO 8601 as seconds since 1970, in UTC where they do not
        say; float64 [rows]. Raises InvalidData for what is neither, and where both stand."""
        cells = part.texts[column]
        numbers = _parsed(cells)
        dates = np.isnan(numbers)
        if self._dates is None and len(cells):
            self._dates = bool(dates[0])
        for row in map(int, np.flatnonzero(dates != self._dates)):
            raise InvalidData(
                part.where(row, column),
                expected=f"a {'date' if self._dates else 'number'}, as in the rows before",
                got=repr(cells[row]),
            )
        if not self._dates:
            return numbers
        seconds = (_seconds(part, column, row, cell) for row, cell in enumerate(cells))
        return np.fromiter(seconds, np.float64, len(cells))


def _seconds(part: Part, column: str, row: int, cell: str) -> float:
    try:
        moment = datetime.fromisoformat(cell.strip())
    except ValueError:
        raise InvalidData(
            part.where(row, column),
            expected="a number or a date like 2026-01-31 or 2026-01-31T12:00:00",
            got=repr(cell),
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
