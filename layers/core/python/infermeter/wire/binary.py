"""The binary tensor data extension: raw little-endian tensors after the JSON part of a body.

Source: Triton `extension_binary_data.md`, which KServe copies. Fixed-size tensors are views of
the body where they lie aligned; BYTES elements are a 4-byte little-endian length and that many
bytes each.
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
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from infermeter.tensors import Datatype, Tensor

HEADER_LENGTH = "inference-header-content-length"
# SageMaker drops headers that it does not know; Triton puts the length into the type for it.
SAGEMAKER_TYPE = "application/vnd.sagemaker-triton.binary+json;json-header-size="

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_LENGTH = struct.Struct("<I")


def json_length(headers: Mapping[str, str]) -> int | None:
    """The length of the JSON part that a request's headers (lower-case names) declare.

    None: the body is all JSON. 0: the body is one raw tensor. Raises MalformedBody for what is not
    a number.
    """
    text = headers.get(HEADER_LENGTH)
    if text is None:
        if not names_length(headers):
            return None
        text = _content_type(headers).removeprefix(SAGEMAKER_TYPE)
    if not _INTEGER.fullmatch(text.strip()):
        raise MalformedBody(
            f"Unable to parse Inference-Header-Content-Length, got: '{text[:40]}'; "
            "expected the length of the body's JSON part in bytes"
        )
    return int(text)


def names_length(headers: Mapping[str, str]) -> bool:
    """Whether the content type names the length, as SageMaker's clients have it."""
    return _content_type(headers).startswith(SAGEMAKER_TYPE)


def split_body(body: bytes, length: int | None) -> tuple[bytes, memoryview]:
    """The JSON part and the binary tail, a view of the body.

    Raises MalformedBody for a length that lies outside the body.
    """
    if length is None:
        return body, memoryview(b"")
    if not 0 <= length <= len(body):
        raise MalformedBody(
            f"inference header size should be in range (0, {len(body)}), got: {length}"
        )
    return body[:length], memoryview(body)[length:]


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
        if datatype.kind == "b" and np.frombuffer(chunk, np.uint8).max(initial=0) > 1:
            raise InvalidTensor(name, expected="BOOL bytes of 0 or 1", got="another value")
        array = np.frombuffer(chunk, datatype.dtype)
        if not array.flags.aligned:
            # onnxruntime would take three times as long, the copy's making included.
            array = np.frombuffer(bytes(chunk), datatype.dtype)
        return array.reshape(shape)

    def rest(self) -> memoryview:
        """All that is left."""
        chunk, self._offset = self._data[self._offset :], len(self._data)
        return chunk

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


def _content_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").replace(" ", "")


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
