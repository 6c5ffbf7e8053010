"""The shortest decimal digits of 16-bit floats: `0.1` for the half that is 0.0999755859375.

orjson writes single and double precision in their own shortest digits; a half it widens first,
and BF16 it does not know. There are at most 65,536 of either, so each distinct one is worked out
once and the rest is a look-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from infermeter import bfloat16

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Enough for any half (11 bits of significand); BF16 has 8.
_MAX_DIGITS = 5


def shortest_digits(flat: NDArray[Any]) -> orjson.Fragment:
    """A JSON list of a flat FP16 or BF16 array; what is not finite is spelled as a string."""
    if not flat.size:
        return orjson.Fragment(b"[]")
    bits, places = np.unique(flat.view("<u2"), return_inverse=True)
    texts = np.array(_texts(bits.view(flat.dtype)), dtype=object)
    return orjson.Fragment(f"[{','.join(texts[places].tolist())}]".encode())


def _texts(distinct: NDArray[Any]) -> list[str]:
    values = _widened(distinct)
    texts = [""] * len(values)
    left = np.flatnonzero(np.isfinite(values))
    for digits in range(1, _MAX_DIGITS + 1):
        tried = [f"{value:.{digits}g}" for value in values[left].tolist()]
        read = _widened(_narrowed(np.array(tried, dtype="<f8"), distinct.dtype))
        exact = read == values[left]
        for place, text in zip(left[exact].tolist(), np.array(tried)[exact].tolist(), strict=True):
            texts[place] = repr(float(text))  # as orjson writes floats: 65500.0, -0.0
        left = left[~exact]
    for place in np.flatnonzero(~np.isfinite(values)).tolist():
        value = values[place]
        texts[place] = '"NaN"' if np.isnan(value) else f'"{"-" if value < 0 else ""}Infinity"'
    return texts


def _widened(array: NDArray[Any]) -> NDArray[Any]:
    single = bfloat16.to_float32(array) if array.dtype == bfloat16.BF16 else array
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return single.astype("<f8")


def _narrowed(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        return bfloat16.from_floats(values) if dtype == bfloat16.BF16 else values.astype(dtype)
