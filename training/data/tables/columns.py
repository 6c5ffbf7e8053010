"""What the files of a channel must have, whatever their format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.errors import InvalidData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.data.tables.table import Schema

LARGEST = float(np.finfo(np.float32).max)


def check_columns(schema: Schema, where: str, names: Sequence[str]) -> None:
    """Raises InvalidData unless `names` are the schema's columns and label, in any order."""
    wanted = (*schema.columns, schema.label)
    for column in wanted:
        if names.count(column) != 1:
            got = "none of this name" if column not in names else "more than one"
            raise InvalidData(f"{where}, column '{column}'", expected="the column once", got=got)
    if extra := [column for column in names if column not in wanted]:
        raise InvalidData(
            where,
            expected=f"{wanted[0]} to {schema.columns[-1]} and {schema.label} only",
            got=f"column '{extra[0]}' too",
        )


def whole_number(schema: Schema) -> str:
    """What a label that names a class is, in words."""
    return f"a whole number from 0 to {len(schema.classes) - 1}"
