"""Tensors and the datatypes of the Open Inference Protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Datatype:
    """A datatype as the wire names it.

    `dtype` is numpy's little-endian equivalent; BYTES is an object array whose elements are
    `bytes`, and has no fixed `itemsize` (0). numpy has no BF16: such an array holds the bits, in
    a dtype of one field that no other datatype has (see `bfloat16`). `kind` is numpy's letter: b,
    i, u, f, O for BYTES, or V for BF16.
    """

    name: str
    dtype: np.dtype[Any]
    itemsize: int
    kind: str


def _fixed(name: str, code: str) -> Datatype:
    dtype = np.dtype(code)
    return Datatype(name, dtype, dtype.itemsize, dtype.kind)


# https://github.com/kserve/open-inference-protocol, "Tensor Data Types"
DATATYPES: Mapping[str, Datatype] = {
    datatype.name: datatype
    for datatype in (
        _fixed("BOOL", "?"),
        _fixed("UINT8", "u1"),
        _fixed("UINT16", "<u2"),
        _fixed("UINT32", "<u4"),
        _fixed("UINT64", "<u8"),
        _fixed("INT8", "i1"),
        _fixed("INT16", "<i2"),
        _fixed("INT32", "<i4"),
        _fixed("INT64", "<i8"),
        _fixed("FP16", "<f2"),
        _fixed("FP32", "<f4"),
        _fixed("FP64", "<f8"),
        Datatype("BF16", np.dtype([("bf16", "<u2")]), 2, "V"),
        Datatype("BYTES", np.dtype(object), 0, "O"),
    )
}
_BY_DTYPE = {datatype.dtype: datatype for datatype in DATATYPES.values()}


def datatype_of(array: NDArray[Any]) -> Datatype:
    """The wire datatype of a numpy array; KeyError for one that the wire cannot carry."""
    return _BY_DTYPE[array.dtype]


class Tensor(NamedTuple):
    """A named array: any shape, in one of `DATATYPES`."""

    name: str
    datatype: Datatype
    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self.array.shape


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as messages print it: `[-1,10]`."""
    return f"[{','.join(map(str, shape))}]"
