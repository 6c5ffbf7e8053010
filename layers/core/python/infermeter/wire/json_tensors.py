"""A tensor's `data` in JSON: a flat or nested list, to an array and back.

Decoding and encoding run in numpy and orjson; only the elements' kinds, and the values of
non-finite floats and BYTES, which JSON has no form of its own for, are looked at one by one.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from infermeter.errors import InvalidRequest, InvalidTensor
from infermeter.tensors import shape_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from infermeter.tensors import Datatype, Tensor

_NON_FINITE: dict[Any, float] = {
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
    None: float("nan"),
}
_KINDS = {"b": "booleans", "i": "integers", "u": "integers", "f": "numbers", "O": "strings"}


def decode_data(
    name: str, datatype: Datatype, shape: tuple[int, ...], data: object
) -> NDArray[Any]:
    """The array of `shape` that `data`, flat or nested in row-major order, spells.

    Raises InvalidTensor for ragged lists, a wrong count, and elements that the datatype cannot
    hold: numpy alone would cut 1.7 to 1, and take 2 for True.
    """
    if not isinstance(data, list):
        raise InvalidTensor(name, expected="data as a list", got=_describe(data))
    if datatype.kind == "O":
        array = _strings(name, data)
    else:
        array = _numbers(name, datatype, _as_array(name, data))
    expected = math.prod(shape)
    if array.size != expected:
        raise InvalidTensor(
            name, expected=f"{expected} elements for shape {shape_text(shape)}", got=f"{array.size}"
        )
    if array.ndim > 1 and array.shape != shape and array.size:
        raise InvalidTensor(
            name,
            expected=f"data flat or nested as {shape_text(shape)}",
            got=shape_text(array.shape),
        )
    return array.reshape(shape)


def encode_data(tensor: Tensor) -> NDArray[Any] | list[Any]:
    """Flat row-major data that orjson can write: shortest digits that give the dtype's value back.

    Non-finite floats become "NaN", "Infinity" and "-Infinity". Raises InvalidRequest for BYTES
    that are not UTF-8, which JSON cannot carry.
    """
    flat = np.ascontiguousarray(tensor.array).reshape(-1)
    if tensor.datatype.kind == "O":
        return _texts(tensor)
    if tensor.datatype.kind == "f" and not np.isfinite(flat).all():
        return [value if np.isfinite(value) else _spelled(float(value)) for value in flat]
    return flat


def _as_array(name: str, data: list[Any]) -> NDArray[Any]:
    kinds = _leaf_kinds(data)
    try:
        # numpy takes True for 1, and makes text as wide as the longest of a number beside a string:
        # what is not plain numbers keeps each element as it came.
        plain = kinds <= {int, float} or kinds == {bool}
        found = np.asarray(data) if plain else np.array(data, dtype=object)
        # Integers above 2^63 beside smaller ones would become floats, and inexact.
        inexact = kinds == {int} and found.dtype.kind == "f"
        return np.array(data, dtype=object) if inexact else found
    except (ValueError, OverflowError):
        raise InvalidTensor(
            name, expected="lists of equal length at each depth", got="ragged lists"
        ) from None


def _leaf_kinds(data: list[Any]) -> set[type]:
    """The types of the elements; `list` is among them where lists are ragged."""
    kinds = set(map(type, data))
    while kinds == {list}:
        data = list(chain.from_iterable(data))
        kinds = set(map(type, data))
    return kinds


def _numbers(name: str, datatype: Datatype, found: NDArray[Any]) -> NDArray[Any]:
    if not found.size:
        return found.astype(datatype.dtype)
    if datatype.kind == "f":
        return _floats(name, datatype, found)
    if datatype.kind == "b":
        if found.dtype.kind != "b":
            raise _wrong_kind(name, datatype, found)
        return found
    return _integers(name, datatype, found)


def _integers(name: str, datatype: Datatype, found: NDArray[Any]) -> NDArray[Any]:
    # Integers beyond 64 bits come as objects; they, and nothing else, get the message of a range.
    beyond = found.dtype.kind == "O" and all(type(value) is int for value in found.reshape(-1))
    if found.dtype.kind not in "iu" and not beyond:
        raise _wrong_kind(name, datatype, found)
    limits = np.iinfo(datatype.dtype)
    low, high = int(found.min()), int(found.max())
    if low < limits.min or high > limits.max:
        raise InvalidTensor(
            name,
            expected=f"{datatype.name} from {limits.min} to {limits.max}",
            got=str(low if low < limits.min else high),
        )
    return found.astype(datatype.dtype, copy=False)


def _floats(name: str, datatype: Datatype, found: NDArray[Any]) -> NDArray[Any]:
    if found.dtype.kind == "O":
        found = _spelled_floats(name, datatype, found)
    elif found.dtype.kind not in "fiu":
        raise _wrong_kind(name, datatype, found)
    with np.errstate(over="ignore"):
        array = found.astype(datatype.dtype, copy=False)
    if datatype.itemsize < found.itemsize and (np.isinf(array) & np.isfinite(found)).any():
        limit = np.finfo(datatype.dtype).max
        raise InvalidTensor(
            name,
            expected=f"{datatype.name} of at most {limit} in size",
            got=str(np.abs(found[np.isfinite(found)]).max()),
        )
    return array


def _spelled_floats(name: str, datatype: Datatype, found: NDArray[Any]) -> NDArray[Any]:
    values = []
    for value in found.reshape(-1).tolist():
        if isinstance(value, int | float) and not isinstance(value, bool):
            values.append(float(value))
        elif value is None or (isinstance(value, str) and value in _NON_FINITE):
            values.append(_NON_FINITE[value])
        else:
            raise InvalidTensor(name, expected=f"{datatype.name} numbers", got=_describe(value))
    return np.array(values).reshape(found.shape)


def _strings(name: str, data: list[Any]) -> NDArray[Any]:
    found = np.array(data, dtype=object)
    flat = found.reshape(-1)
    for index, value in enumerate(flat.tolist()):
        if not isinstance(value, str):
            raise InvalidTensor(name, expected="BYTES as strings", got=_describe(value))
        flat[index] = value.encode()
    return flat.reshape(found.shape)


def _texts(tensor: Tensor) -> list[Any]:
    try:
        return [value.decode() for value in tensor.array.reshape(-1).tolist()]
    except UnicodeDecodeError:
        raise InvalidRequest(
            f"output '{tensor.name}' holds bytes that are not UTF-8, which JSON cannot carry; "
            "ask for it with parameters.binary_data: true"
        ) from None


def _spelled(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _wrong_kind(name: str, datatype: Datatype, found: NDArray[Any]) -> InvalidTensor:
    wanted = _KINDS[datatype.kind]
    if found.dtype.kind == "O":
        fits = bool if datatype.kind == "b" else int
        odd = next(value for value in found.reshape(-1).tolist() if type(value) is not fits)
        got = _describe(odd)
    else:
        got = "floating-point numbers" if found.dtype.kind == "f" else _KINDS[found.dtype.kind]
    return InvalidTensor(name, expected=f"{datatype.name} as {wanted}", got=got)


def _describe(value: object) -> str:
    names = {"NoneType": "null", "str": "a string", "dict": "an object", "bool": "a boolean"}
    return names.get(
        type(value).__name__, "a number" if isinstance(value, int | float) else "a list"
    )
