"""The protocol's datatypes: values to test with, and a codec of the suite's own.

A value is what JSON would hold: bool, int, float or (for BYTES) bytes. The binary form of the
`binary_tensor_data` extension is what tensors are compared by.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

_DTYPES = {
    "BOOL": "?",
    "UINT8": "u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
# BF16 is Triton's: upper half of an FP32; numpy has no dtype for it.
DATATYPES = (*_DTYPES, "BF16", "BYTES")
FLOATS = ("FP16", "BF16", "FP32", "FP64")
INTEGERS = tuple(name for name in _DTYPES if "INT" in name)
# Triton and KServe refuse these in JSON, both ways, with 400; a server may.
BINARY_ONLY = ("FP16", "BF16")

_SPELLED = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def itemsize(datatype: str) -> int:
    """Bytes per element; 0 for BYTES, whose elements have their own."""
    if datatype == "BYTES":
        return 0
    return 2 if datatype == "BF16" else np.dtype(_DTYPES[datatype]).itemsize


def limits(datatype: str) -> tuple[int, int]:
    """The least and the greatest value of an integer datatype."""
    found = np.iinfo(_DTYPES[datatype])
    return int(found.min), int(found.max)


def samples(datatype: str) -> list[Any]:
    """Finite values at the edges of what the datatype holds."""
    if datatype == "BOOL":
        return [True, False, False, True, True]
    if datatype == "BYTES":
        return [
            b"plain",
            b"",
            "\u017c\u00f3\u0142\u0107 \U0001f600".encode(),
            b'"\\/\n\t',
            b"a\x00b",
        ]
    if datatype in INTEGERS:
        low, high = limits(datatype)
        return [high, low, 0, 1, high - 1]
    tiny, top = {
        "FP16": (2.0**-24, 65504.0),
        "BF16": (2.0**-133, (2 - 2.0**-7) * 2.0**127),
        "FP32": (2.0**-149, float(np.finfo("f4").max)),
        "FP64": (5e-324, float(np.finfo("f8").max)),
    }[datatype]
    return [top, -0.0, tiny, *decode(datatype, encode(datatype, [0.1, -1 / 3]))]


def encode(datatype: str, values: list[Any]) -> bytes:
    """The values in the binary extension's form; floats are rounded to nearest."""
    if datatype == "BYTES":
        return b"".join(struct.pack("<I", len(value)) + value for value in values)
    if datatype == "BF16":
        bits = np.array(values, "<f4").view("<u4").astype("<u8")
        nan = np.isnan(np.array(values, "<f4"))
        rounded = np.where(nan, bits | 0x400000, bits + 0x7FFF + ((bits >> 16) & 1))
        return (rounded >> 16).astype("<u2").tobytes()
    with np.errstate(over="ignore"):
        return np.array(values, _DTYPES[datatype]).tobytes()


def decode(datatype: str, raw: bytes) -> list[Any]:
    """The values that the binary form holds; ValueError where it is damaged."""
    if datatype == "BYTES":
        return _elements(raw)
    if datatype == "BF16":
        bits = np.frombuffer(raw, "<u2").astype("<u4") << 16
        return bits.view("<f4").tolist()
    return np.frombuffer(raw, _DTYPES[datatype]).tolist()


def to_json(datatype: str, values: list[Any]) -> list[Any]:
    """The values as a request's JSON carries them."""
    return [value.decode() for value in values] if datatype == "BYTES" else values


def from_json(datatype: str, data: list[Any]) -> list[Any]:
    """The values that an answer's JSON holds, each of the kind that the protocol gives it.

    Non-finite floats are the strings that numpy reads; JSON has no form for them.
    """
    kinds: tuple[type, ...] = (int, float)
    if datatype == "BYTES":
        kinds = (str,)
    elif datatype == "BOOL":
        kinds = (bool,)
    elif datatype in INTEGERS:
        kinds = (int,)
    values = [_SPELLED.get(value, value) for value in data] if datatype in FLOATS else data
    odd = [value for value in values if type(value) not in kinds]
    assert not odd, f"{datatype} in JSON: expected {[kind.__name__ for kind in kinds]}, got {odd}"
    return [value.encode() for value in values] if datatype == "BYTES" else values


def _elements(raw: bytes) -> list[bytes]:
    values, at = [], 0
    while at < len(raw):
        if at + 4 > len(raw):
            raise ValueError("BYTES: a length of less than 4 bytes")
        (size,) = struct.unpack_from("<I", raw, at)
        at += 4 + size
        if at > len(raw):
            raise ValueError("BYTES: an element beyond the end")
        values.append(raw[at - size : at])
    return values
