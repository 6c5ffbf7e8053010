"""Datatypes."""

from __future__ import annotations

import numpy as np
import pytest

from infermeter.tensors import DATATYPES, Datatype, datatype_of, shape_text


@pytest.mark.parametrize("datatype", DATATYPES.values(), ids=DATATYPES)
def test_an_array_of_a_datatype_is_known_by_it(datatype: Datatype) -> None:
    assert datatype_of(np.empty(0, datatype.dtype)) is datatype


def test_a_dtype_that_the_wire_cannot_carry_is_not_known() -> None:
    with pytest.raises(KeyError):
        datatype_of(np.empty(0, "complex64"))


@pytest.mark.parametrize(("shape", "text"), [((), "[]"), ((-1, 3), "[-1,3]")])
def test_a_shape_is_shown_as_json(shape: tuple[int, ...], text: str) -> None:
    assert shape_text(shape) == text
