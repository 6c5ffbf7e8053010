"""Whether two arrays say the same, within what rounding may change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from infermeter import bfloat16

if TYPE_CHECKING:
    from numpy.typing import NDArray


def agree(one: NDArray[Any], other: NDArray[Any], *, rtol: float, atol: float) -> bool:
    """Same shape, and floats within the tolerances (NaN equal to NaN); all else exactly equal."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.dtype == bfloat16.BF16:
        one, other = bfloat16.to_float32(one), bfloat16.to_float32(other)
    if one.dtype.kind != "f":
        return bool(np.array_equal(one, other))
    return bool(np.allclose(one, other, rtol=rtol, atol=atol, equal_nan=True))
