"""The binary tensor data extension: raw little-endian tensors after the JSON part of a body.

Source: Triton `extension_binary_data.md`, which KServe copies. Fixed-size tensors are views of
the body; BYTES elements are a 4-byte little-endian length and that many bytes each.
"""

from __future__ import annotations

import math
import re
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from infermeter.errors import InvalidTensor, MalformedBody
from infermeter.tensors import shape_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from infermeter.tensors import Datatype, Tensor

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_LENGTH = struct.Struct("<I")


def split_body(body: bytes, header_length: str | None) -> tuple[memoryview, memoryview]:
    """The JSON part and the binary tail, cut at `Inference-Header-Content-Length`.

    Raises MalformedBody for a length that is not a number, or lies outside the body.
    """
    view = memoryview(body)
    if header_length is None:
        return view, view[len(body) :]
    if not _INTEGER.fullmatch(header_length.strip()):
        raise MalformedBody(
            f"Unable to parse Inference-Header-Content-Length, got: '{header_length[:40]}'; "
            "expected the length of the body's JSON part in bytes"
        )
    length = int(header_length)
    if not 0 < length <= len(body):
        raise MalformedBody(
            f"inference header size should be in range (0, {len(body)}], got: {length}"
        )
    return view[:length], view[length:]


class Tail:
    """The binary part of a body, consumed tensor by tensor in the order of `inputs`."""

    def __init__(self, data: memoryview) -> None:
        self._data, self._offset = data, 0

    def take(
        self, name: str, datatype: Datatype, shape: tuple[int, ...], size: int
    ) -> NDArray[Any]:
        """The next `size` bytes as an array of `shape`; InvalidTensor when they do not fit it."""
        left = len(self._data) - self._offset
        if size > left:
            raise InvalidTensor(
                name, expected=f"binary_data_size of at most the {left} bytes left", got=str(size)
            )
        chunk = self._data[self._offset : self._offset + size]
        self._offset += size
        if datatype.kind == "O":
            return _decode_bytes(name, shape, chunk)
        count = math.prod(shape)
        if size != count * datatype.itemsize:
            raise InvalidTensor(
                name,
                expected=f"{count * datatype.itemsize} bytes, {datatype.name} {shape_text(shape)}",
                got=f"binary_data_size {size}",
            )
        if datatype.kind == "b" and any(byte > 1 for byte in set(bytes(chunk))):
            raise InvalidTensor(name, expected="BOOL bytes of 0 or 1", got="another value")
        return np.frombuffer(chunk, datatype.dtype).reshape(shape)

    def finish(self) -> None:
        """Raises MalformedBody when bytes are left that no input names."""
        if left := len(self._data) - self._offset:
            raise MalformedBody(
                f"binary part: expected {self._offset} bytes as the inputs' binary_data_size say, "
                f"got {left} more"
            )


def encode_binary(tensor: Tensor) -> bytes | memoryview:
    """The tensor's bytes as the extension lays them out."""
    if tensor.datatype.kind == "O":
        return b"".join(
            part
            for value in tensor.array.reshape(-1).tolist()
            for part in (_LENGTH.pack(len(value)), value)
        )
    array = np.ascontiguousarray(tensor.array, dtype=tensor.datatype.dtype)
    return array.reshape(-1).view(np.uint8).data


def _decode_bytes(name: str, shape: tuple[int, ...], chunk: memoryview) -> NDArray[Any]:
    elements: list[bytes] = []
    offset = 0
    while offset < len(chunk):
        start = offset + _LENGTH.size
        if start > len(chunk):
            raise InvalidTensor(
                name,
                expected="a 4-byte length before each element",
                got=f"{len(chunk) - offset} bytes",
            )
        (length,) = _LENGTH.unpack_from(chunk, offset)
        offset = start + length
        if offset > len(chunk):
            raise InvalidTensor(
                name, expected=f"an element of {length} bytes", got=f"{len(chunk) - start} bytes"
            )
        elements.append(bytes(chunk[start:offset]))
    count = math.prod(shape)
    if len(elements) != count:
        raise InvalidTensor(
            name,
            expected=f"{count} elements for shape {shape_text(shape)}",
            got=f"{len(elements)}",
        )
    array = np.empty(count, dtype=object)
    array[:] = elements
    return array.reshape(shape)
