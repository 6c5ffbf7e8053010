"""The classification extension: an output's largest elements, with their indices and labels.

Source: Triton `extension_classification.md`; where it says STRING, the server itself sends BYTES.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from infermeter import bfloat16
from infermeter.errors import InvalidRequest, TooLarge
from infermeter.tensors import DATATYPES, Tensor
from infermeter.wire.limits import MAX_CLASS_DIGITS, MAX_CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def classify(tensor: Tensor, count: int, labels: Sequence[str], *, batched: bool) -> Tensor:
    """BYTES `[n]`, or `[batch, n]` where axis 0 is the batch: `<value>:<index>[:<label>]`.

    `n` is `count`, or the number of elements where that is less. Equal values stand in the order
    of their indices, and NaN comes last. Raises InvalidRequest for BYTES, TooLarge beyond
    `MAX_CLASSES` elements or `MAX_CLASS_DIGITS`.
    """
    if tensor.datatype.kind == "O":
        raise InvalidRequest(
            f"class result not available for output '{tensor.name}' due to unsupported type "
            "'BYTES'; expected an output of numbers"
        )
    batch = tensor.shape[0] if batched and tensor.array.ndim else 1
    width = math.prod(tensor.shape[1:] if batched else tensor.shape)
    values = _comparable(tensor).reshape(batch, width)
    count = min(count, width)
    if batch * count > MAX_CLASSES:
        raise _too_large(tensor, MAX_CLASSES, batch * count, "classes")
    indices = _descending(values)[:, :count]
    values = np.take_along_axis(values, indices, 1)
    if (digits := values.size * _digits(values)) > MAX_CLASS_DIGITS:
        raise _too_large(tensor, MAX_CLASS_DIGITS, digits, "digits")
    texts = _texts(values, indices, labels)
    shape = (batch, count) if batched else (count,)
    return Tensor(tensor.name, DATATYPES["BYTES"], texts.reshape(shape))


def _too_large(tensor: Tensor, limit: int, got: int, unit: str) -> TooLarge:
    return TooLarge(
        f"output '{tensor.name}': classification output",
        limit=limit,
        got=got,
        unit=unit,
        remedy="ask for fewer classes, or send fewer rows",
    )


def _digits(values: NDArray[Any]) -> int:
    """How many digits the largest has before its point, at most."""
    if values.dtype.kind != "f":
        return len(str(np.iinfo(values.dtype).max))
    largest = np.max(np.abs(values), initial=1, where=np.isfinite(values))
    return int(np.log10(largest)) + 1


def _comparable(tensor: Tensor) -> NDArray[Any]:
    if tensor.datatype.kind == "V":
        return bfloat16.to_float32(np.ascontiguousarray(tensor.array))
    return tensor.array.astype(np.int8) if tensor.datatype.kind == "b" else tensor.array


def _descending(values: NDArray[Any]) -> NDArray[np.intp]:
    """Each row's indices by value: largest first, equal ones in order, NaN last."""
    if values.dtype.kind in "iu":
        # Reversed, so that a stable ascending sort leaves equal values in their order once turned.
        turned: NDArray[np.intp] = np.argsort(values[:, ::-1], axis=1, kind="stable")[:, ::-1]
        order: NDArray[np.intp] = values.shape[1] - 1 - turned
        return order
    return np.argsort(-values, axis=1, kind="stable")


def _texts(values: NDArray[Any], indices: NDArray[np.intp], labels: Sequence[str]) -> NDArray[Any]:
    form = "%f:%d" if values.dtype.kind == "f" else "%d:%d"
    texts = np.empty(values.size, dtype=object)
    places = indices.reshape(-1).tolist()
    texts[:] = [
        f"{form % pair}:{labels[pair[1]]}".encode()
        if pair[1] < len(labels)
        else (form % pair).encode()
        for pair in zip(values.reshape(-1).tolist(), places, strict=True)
    ]
    return texts
