"""Which of the columns of a table's files is what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.data.tables.table import Schema
    from training.settings.tabular import TabularData
    from training.tasks import Task

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True, slots=True)
class Layout:
    """`columns` are learned from, those of `categorical` as names of things, to tell `label`,
    which is one of `classes`, or of those found where there are none; or, `numeric`, a number.

    Rows are split by `group` or `time`, if any. `own` is a layout that settings name, not a
    source; `others` may then stand beside its columns.
    """

    columns: tuple[str, ...]
    label: str
    numeric: bool
    classes: tuple[str, ...] = ()
    categorical: frozenset[str] = frozenset()
    group: str = ""
    time: str = ""
    own: bool = False
    others: bool = False

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns to be read as numbers."""
        numbers = [name for name in self.columns if name not in self.categorical]
        return (*numbers, self.label) if self.numeric else tuple(numbers)

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns to be read as texts; one may be among the numbers too."""
        texts = [*self.categorical, self.group, self.time, "" if self.numeric else self.label]
        return tuple(sorted(filter(None, set(texts))))


def bundled_layout(schema: Schema) -> Layout:
    """That of a source's schema: nothing else may stand beside it."""
    return Layout(schema.columns, schema.label, schema.numeric, schema.classes)


def own_layout(settings: TabularData, task: Task, where: str, header: Sequence[str]) -> Layout:
    """What the settings name, and else all that the first file has.

    Raises InvalidData for a column that it does not have.
    """
    apart = (settings.label, settings.group, settings.time)
    found = tuple(name for name in header if name not in apart)
    layout = Layout(
        columns=settings.columns or found,
        label=settings.label,
        numeric=task == "regression",
        classes=settings.classes,
        categorical=frozenset(settings.categorical),
        group=settings.group,
        time=settings.time,
        own=True,
        others=bool(settings.columns),
    )
    check_header(layout, where, header)
    if not layout.columns:
        raise InvalidData(where, expected="columns beside the label", got="none")
    for name in settings.categorical:
        if name not in layout.columns:
            raise InvalidData(f"{where}, column '{name}'", expected="the column once", got="none")
    return layout


def check_header(layout: Layout, where: str, header: Sequence[str]) -> None:
    """Raises InvalidData unless the names are those of the layout, in any order, each once."""
    wanted = dict.fromkeys((*layout.columns, layout.label, layout.group, layout.time))
    wanted.pop("", None)
    for column in wanted:
        if column not in header:
            got = f"none of this name; {_have(header)}"
            if not layout.own:
                got += "; to learn a table of your own set label to one of its columns"
            raise InvalidData(f"{where}, column '{column}'", expected="the column once", got=got)
    for place, column in enumerate(header, start=1):
        if not column.strip() and not layout.others:
            raise InvalidData(
                f"{where}, column {place}",
                expected="a name for each column",
                got="none (pandas writes its index so: to_csv(..., index=False) leaves it out)",
            )
        if (layout.others and column not in wanted) or header.count(column) == 1:
            continue
        raise InvalidData(
            f"{where}, column '{column}'", expected="the column once", got="more than one"
        )
    if extra := [column for column in header if column not in wanted and not layout.others]:
        raise InvalidData(
            where,
            expected=f"{layout.columns[0]} to {layout.columns[-1]} and {layout.label} only",
            got=f"column '{extra[0]}' too",
        )


def _have(header: Sequence[str]) -> str:
    for separator, name in SEPARATORS.items():
        if len(header) == 1 and separator in header[0]:
            return f"its cells are separated by {name}: save it with commas"
    return f"the columns are {', '.join(header)}" if header else "the file is empty"
