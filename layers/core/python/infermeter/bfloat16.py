"""BF16: the upper half of a float32, which numpy has no type for.

An array of BF16 has the dtype of `DATATYPES["BF16"]`: one field of 16 bits. Source: Triton's
`extension_binary_data.md`, for the layout; rounding is to nearest, ties to even, as in hardware.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from infermeter.tensors import DATATYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

BF16 = DATATYPES["BF16"].dtype
MAX = 3.3895313892515355e38
_QUIET_NAN = 0x7FC0


def to_float32(array: NDArray[Any]) -> NDArray[np.float32]:
    """BF16 of any shape to float32, exactly."""
    widened: NDArray[np.float32] = (array.view("<u2").astype("<u4") << np.uint32(16)).view("<f4")
    return widened


def from_floats(array: NDArray[Any]) -> NDArray[Any]:
    """Floats of any shape to the nearest BF16; what is beyond the largest becomes infinite."""
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(array, dtype="<f4")  # a scalar becomes a vector
    bits = single.view("<u4")
    # Adding just under half a unit, and the lowest kept bit, carries where rounding goes up.
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16
    rounded[np.isnan(single)] = _QUIET_NAN
    narrowed: NDArray[Any] = rounded.astype("<u2").view(BF16).reshape(array.shape)
    return narrowed
