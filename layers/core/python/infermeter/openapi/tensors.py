"""Tensors as schemas: `data` by datatype and shape."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from infermeter.openapi.notation import BOOLEAN, COUNT, STRING, any_of, listing
from infermeter.signature import VARIABLE

if TYPE_CHECKING:
    from infermeter.openapi.notation import Schema
    from infermeter.signature import TensorSpec
    from infermeter.tensors import Datatype

# JSON has no such numbers: these strings stand for them, both ways.
NON_FINITE: Schema = {"enum": ["NaN", "Infinity", "-Infinity"]}
# The smallest number that rounds to infinity: half a unit above the largest.
_INFINITY = {
    "FP16": 2.0**16 - 2.0**4,
    "FP32": 2.0**128 - 2.0**103,
    "BF16": 2.0**128 - 2.0**119,
}


def element_schema(datatype: Datatype, *, given: bool) -> Schema:
    """One element of `data`, with the range of its datatype.

    One that is `given` to the server may also be null, which stands for NaN.
    """
    kind = datatype.kind
    if kind == "b":
        return BOOLEAN
    if kind == "O":
        return STRING
    if kind in "iu":
        limits = np.iinfo(datatype.dtype)
        return {"type": "integer", "minimum": int(limits.min), "maximum": int(limits.max)}
    number: Schema = {"type": "number"}
    # What is too large for FP64 is no JSON to the server.
    if limit := _INFINITY.get(datatype.name):
        number |= {"exclusiveMinimum": -limit, "exclusiveMaximum": limit}
    return any_of(number, NON_FINITE, {"type": "null"}) if given else any_of(number, NON_FINITE)


def data_schema(spec: TensorSpec, *, given: bool) -> Schema:
    """`data` of a tensor: flat and, if it is `given` to the server, also nested as the shape is."""
    element = element_schema(spec.datatype, given=given)
    flat = listing(element)
    if VARIABLE not in spec.shape:
        flat = listing(element, **_exactly(math.prod(spec.shape)))
    if not given or len(spec.shape) < 2:
        return flat
    nested = element
    for size in reversed(spec.shape):
        nested = listing(nested, **({} if size == VARIABLE else _exactly(size)))
    return any_of(flat, nested)


def shape_schema(shape: tuple[int, ...]) -> Schema:
    """A tensor's `shape`, whose fixed sizes are constants."""
    sizes = [COUNT if size == VARIABLE else {"const": size} for size in shape]
    if not sizes:
        return {"type": "array", "maxItems": 0}
    return {"type": "array", "prefixItems": sizes, "items": False, **_exactly(len(sizes))}


def _exactly(count: int) -> dict[str, int]:
    return {"minItems": count, "maxItems": count}
