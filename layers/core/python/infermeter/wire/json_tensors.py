"""A tensor's `data` in JSON: a flat or nested list, to an array and back.

No loop of Python's own runs over elements: their kinds are gathered by `set(map(type, ...))`, and
`struct`, which checks each integer's range, fills the array. numpy alone would cut 1.7 to 1, and
take 2 for True.
"""

from __future__ import annotations

import math
import struct
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from infermeter import bfloat16
from infermeter.errors import InvalidRequest, InvalidTensor
from infermeter.tensors import shape_text
from infermeter.wire.digits import shortest_digits
from infermeter.wire.limits import MAX_DIMENSIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from infermeter.tensors import Datatype, Tensor

_NON_FINITE: dict[Any, float] = {
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
    None: float("nan"),
}
_SPELLED = np.array([b'"NaN"', b'"Infinity"', b'"-Infinity"'])
_KINDS = {
    "b": "booleans",
    "i": "integers",
    "u": "integers",
    "f": "numbers",
    "V": "numbers",
    "O": "strings",
}
# Which Python types a datatype's elements may have; floats also have spellings.
_TYPES: dict[str, set[type]] = {
    "b": {bool},
    "i": {int},
    "u": {int},
    "f": {int, float},
    "V": {int, float},
    "O": {str},
}
_NUMBERS = {int, float}
_STRUCT_CODES = {
    "INT8": "b",
    "UINT8": "B",
    "INT16": "h",
    "UINT16": "H",
    "INT32": "i",
    "UINT32": "I",
    "INT64": "q",
    "UINT64": "Q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
_SPELLINGS = {int, float, str, type(None)}
# Elements from which it takes longer to gather their kinds than to look for booleans by value.
_MANY = 4096


def decode_data(
    name: str, datatype: Datatype, shape: tuple[int, ...], data: object
) -> NDArray[Any]:
    """The array of `shape` that `data`, flat or nested in row-major order, spells.

    Raises InvalidTensor for ragged lists, a wrong count, and elements that the datatype cannot
    hold.
    """
    if not isinstance(data, list):
        raise InvalidTensor(name, expected="data as a list", got=_describe(data))
    count = math.prod(shape)
    if len(data) == count >= _MANY and datatype.kind in "iuf":
        array = _packed(datatype, data)
        if array is not None:
            return array.reshape(shape)
    flat, nested, kinds = _flatten(name, data)
    if len(flat) != count:
        raise InvalidTensor(
            name,
            expected=f"{count} elements for shape {shape_text(shape)}",
            got=f"{len(flat)}",
        )
    if len(nested) > 1 and nested != shape and flat:
        raise InvalidTensor(
            name,
            expected=f"data flat or nested as {shape_text(shape)}",
            got=shape_text(nested),
        )
    return _fill(name, datatype, flat, kinds).reshape(shape)


def encode_data(tensor: Tensor) -> NDArray[Any] | orjson.Fragment | list[str]:
    """Flat row-major data that orjson writes: shortest digits that give the dtype's value back.

    Non-finite floats become "NaN", "Infinity" and "-Infinity". Raises InvalidRequest for BYTES
    that are not UTF-8, which JSON cannot carry.
    """
    flat = tensor.array.ravel()
    kind = tensor.datatype.kind
    if kind == "O":
        return _texts(tensor.name, flat)
    if kind == "V" or (kind == "f" and tensor.datatype.itemsize == 2):
        return shortest_digits(flat)
    return _floats_text(flat) if kind == "f" else flat


def _packed(datatype: Datatype, flat: list[Any]) -> NDArray[Any] | None:
    """The array of many numbers, or None where there is anything else among them.

    `struct` refuses all but numbers, except for booleans: their kinds are gathered where one may
    hide, in a 0 or a 1.
    """
    try:
        packed = struct.pack(f"<{len(flat)}{_STRUCT_CODES[datatype.name]}", *flat)
    except (OverflowError, struct.error):
        return None
    array = np.frombuffer(packed, datatype.dtype)
    places = np.flatnonzero((array == 0) | (array == 1))
    few = 4 * len(places) < len(flat)
    suspects = map(flat.__getitem__, places.tolist()) if few else flat
    return None if bool in set(map(type, suspects)) else array


def _flatten(name: str, data: list[Any]) -> tuple[list[Any], tuple[int, ...], set[type]]:
    """The elements in order, the lists' lengths by depth, and the elements' types."""
    shape = [len(data)]
    kinds = set(map(type, data))
    while list in kinds:
        lengths = set(map(len, data)) if kinds == {list} else set()
        if len(lengths) != 1:
            raise InvalidTensor(
                name, expected="lists of equal length at each depth", got="ragged lists"
            )
        shape.append(lengths.pop())
        if len(shape) > MAX_DIMENSIONS:
            raise InvalidTensor(
                name, expected=f"data nested to at most {MAX_DIMENSIONS}", got="deeper lists"
            )
        data = list(chain.from_iterable(data))
        kinds = set(map(type, data))
    return data, tuple(shape), kinds


def _fill(name: str, datatype: Datatype, flat: list[Any], kinds: set[type]) -> NDArray[Any]:
    kind = datatype.kind
    if kinds <= _TYPES[kind]:
        if kind in "iu":
            return _integers(name, datatype, flat)
        if kind == "b":
            return np.frombuffer(bytes(flat), datatype.dtype)
        if kind == "O":
            return _strings(flat)
        return _floats(name, datatype, flat)
    if kind in "fV" and kinds <= _SPELLINGS:
        return _floats(name, datatype, _unspelled(name, datatype, flat))
    odd = next(value for value in flat if type(value) not in _TYPES[kind])
    raise InvalidTensor(name, expected=f"{datatype.name} {_form(kind)}", got=_describe(odd))


def _integers(name: str, datatype: Datatype, flat: list[int]) -> NDArray[Any]:
    try:
        packed = struct.pack(f"<{len(flat)}{_STRUCT_CODES[datatype.name]}", *flat)
    except struct.error:
        limits = np.iinfo(datatype.dtype)
        odd = next(value for value in flat if not limits.min <= value <= limits.max)
        raise InvalidTensor(
            name, expected=f"{datatype.name} from {limits.min} to {limits.max}", got=str(odd)
        ) from None
    return np.frombuffer(packed, datatype.dtype)


def _floats(name: str, datatype: Datatype, flat: list[float]) -> NDArray[Any]:
    try:
        if datatype.kind == "V":
            return _bfloat16(flat)
        packed = struct.pack(f"<{len(flat)}{_STRUCT_CODES[datatype.name]}", *flat)
    except (OverflowError, struct.error):
        limit = bfloat16.MAX if datatype.kind == "V" else float(np.finfo(datatype.dtype).max)
        odd = next(value for value in flat if math.isfinite(value) and abs(value) > limit)
        raise InvalidTensor(
            name, expected=f"{datatype.name} of at most {limit} in size", got=str(odd)
        ) from None
    return np.frombuffer(packed, datatype.dtype)


def _bfloat16(flat: list[float]) -> NDArray[Any]:
    """Raises OverflowError for what is finite and rounds to infinity, as `struct` does."""
    found = np.frombuffer(struct.pack(f"<{len(flat)}d", *flat), "<f8")
    array = bfloat16.from_floats(found)
    if (np.isinf(bfloat16.to_float32(array)) & np.isfinite(found)).any():
        raise OverflowError
    return array


def _unspelled(name: str, datatype: Datatype, flat: list[Any]) -> list[float]:
    """Floats in place of "NaN", "Infinity", "-Infinity" and null."""
    try:
        return [value if type(value) in _NUMBERS else _NON_FINITE[value] for value in flat]
    except KeyError as error:
        odd = _describe(error.args[0])
        raise InvalidTensor(name, expected=f"{datatype.name} numbers", got=odd) from None


def _strings(flat: list[str]) -> NDArray[Any]:
    array = np.empty(len(flat), dtype=object)
    array[:] = list(map(str.encode, flat))
    return array


def _texts(name: str, flat: NDArray[Any]) -> list[str]:
    try:
        return list(map(bytes.decode, flat.tolist()))
    except UnicodeDecodeError:
        raise InvalidRequest(
            f"output '{name}' holds bytes that are not UTF-8, which JSON cannot carry; "
            "ask for it with parameters.binary_data: true"
        ) from None


def _floats_text(flat: NDArray[Any]) -> orjson.Fragment:
    """orjson writes null for what is not finite: each gets its spelling instead, in order."""
    text = orjson.dumps(flat, option=orjson.OPT_SERIALIZE_NUMPY)
    if b"null" not in text:
        return orjson.Fragment(text)
    parts = text.split(b"null")
    odd = flat[~np.isfinite(flat)]
    spellings = _SPELLED[np.where(np.isnan(odd), 0, np.where(odd > 0, 1, 2))].tolist()
    return orjson.Fragment(
        b"".join(chain.from_iterable(zip(parts, [*spellings, b""], strict=True)))
    )


def _form(kind: str) -> str:
    return "numbers" if kind in "fV" else f"as {_KINDS[kind]}"


def _describe(value: object) -> str:
    names = {
        "NoneType": "null",
        "str": "a string",
        "dict": "an object",
        "bool": "a boolean",
        "list": "a list",
        "int": "an integer",
    }
    return names.get(type(value).__name__, "a number with a fraction")
