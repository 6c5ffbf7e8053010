"""What a recipe for tables sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from training.errors import InvalidSetting
from training.settings.ranges import Range
from training.settings.sections import Initialization

OWN: Final = "table"


@dataclass(frozen=True, slots=True)
class TabularData:
    """What is trained on.

    `table` is whatever table a channel has: its column `label` is learned from `columns`, or from
    all others where none are named. Of those the `categorical` ones name things, by words or
    numbers. Labels that name things too are found in the table, or must be among `classes`. The
    other sources have their columns.

    The fractions are of each class's rows, or of each tenth by number. Rows that have the same
    value in the column `group` are never in two splits; with `time`, a column of numbers or of
    dates in ISO 8601, the latest rows are the test split, and the latest before them validation.
    Neither column is learned from unless it is among `columns`.

    A row that lacks a value stops the job, is dropped, or gets the training rows' mean of the
    column (and counts as none of its categories). Rows equal to an earlier one in every column
    are dropped, or kept, and then in one split: groups that share one count as one group, and by
    time all of them count as of the earliest. A column of one value stops the job, or is kept.
    Without `components` the features are the columns themselves.
    """

    source: Literal["breast_cancer", "diabetes", "digits", "table", "wine"] = OWN
    label: str = ""
    columns: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    group: str = ""
    time: str = ""
    validation_fraction: Annotated[float, Range(0.01, 0.4)] = 0.15
    test_fraction: Annotated[float, Range(0.01, 0.4)] = 0.2
    missing: Literal["stop", "drop", "mean"] = "stop"
    repeated: Literal["drop", "keep"] = "keep"
    constant: Literal["stop", "keep"] = "stop"
    components: Annotated[int, Range(0, 4096)] = 0

    def __post_init__(self) -> None:
        """Raises InvalidSetting for settings that contradict each other."""
        if self.source == OWN:
            self._check_own()
        else:
            self._check_bundled()

    def _check_own(self) -> None:
        if not self.label:
            raise InvalidSetting(
                "label", expected=f"the name of a column, for source {OWN}", got="none"
            )
        for field in ("columns", "categorical", "classes"):
            names = getattr(self, field)
            if twice := [name for name in names if names.count(name) > 1]:
                raise InvalidSetting(field, expected="each name once", got=f"'{twice[0]}' twice")
        features = self.columns or self.categorical
        for field in ("group", "time"):
            if getattr(self, field) == self.label:
                raise InvalidSetting(field, expected="a column beside the label", got=self.label)
        if self.label in (*features, *self.categorical):
            raise InvalidSetting(
                "columns", expected="columns to learn from", got=f"the label '{self.label}'"
            )
        if unused := [name for name in self.categorical if name not in features]:
            raise InvalidSetting("categorical", expected="some of 'columns'", got=repr(unused[0]))
        if self.group and self.time:
            raise InvalidSetting("time", expected="no column beside 'group'", got=repr(self.time))
        if self.components and self.categorical:
            raise InvalidSetting(
                "components", expected="0 beside 'categorical'", got=self.components
            )

    def _check_bundled(self) -> None:
        for field in ("label", "columns", "categorical", "classes", "group", "time"):
            if value := getattr(self, field):
                raise InvalidSetting(
                    field, expected=f"none for source {self.source}", got=repr(value)
                )


@dataclass(frozen=True, slots=True)
class TabularNetworkSettings:
    """Widths of the hidden layers, none of which makes it a linear model, and how they begin.

    `dropout` is the share of each hidden layer's values that a training step leaves out.
    """

    hidden: tuple[Annotated[int, Range(1, 65536)], ...]
    initialization: Initialization = "pytorch"
    initialization_std: Annotated[float, Range(1e-6, 10.0)] = 0.0
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.0
