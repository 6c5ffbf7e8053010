"""Inference requests as a client writes them, and answers as it reads them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .datatypes import DATATYPES, decode, encode, from_json, samples, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .transport import Answer

LENGTH = "Inference-Header-Content-Length"
FORMS = ("flat", "nested", "binary")


@dataclass(frozen=True)
class Tensor:
    """A tensor; `raw` is its binary form."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    raw: bytes = field(repr=False)

    @property
    def values(self) -> list[Any]:
        """The elements, in row-major order."""
        return decode(self.datatype, self.raw)

    def named(self, name: str) -> Tensor:
        """The same tensor under another name."""
        return replace(self, name=name)

    def entry(self, form: str = "flat", **changes: Any) -> dict[str, Any]:
        """Its entry in a request; without `data` in the binary form."""
        fields = {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}
        if form == "binary":
            fields["parameters"] = {"binary_data_size": len(self.raw)}
        else:
            data = to_json(self.datatype, self.values)
            fields["data"] = data if form == "flat" else _nested(data, self.shape)
        return fields | changes


def sample(name: str, datatype: str, shape: Sequence[int]) -> Tensor:
    """A tensor of the datatype's edge values."""
    known = samples(datatype)
    values = [known[index % len(known)] for index in range(math.prod(shape))]
    return Tensor(name, datatype, tuple(shape), encode(datatype, values))


@dataclass(frozen=True)
class Request:
    """A body with the headers that it needs."""

    body: bytes = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict)


def request(
    inputs: Iterable[dict[str, Any]], *, tail: bytes = b"", utf8: bool = True, **fields: Any
) -> Request:
    """A request of these entries; the `tail` follows, where one of them has no `data`."""
    entries = list(inputs)
    text = json.dumps({"inputs": entries, **fields}, ensure_ascii=not utf8, allow_nan=False)
    head = text.encode()
    binary = tail or any("data" not in entry for entry in entries)
    return Request(head + tail, {LENGTH: str(len(head))} if binary else {})


def request_of(*tensors: Tensor, form: str = "flat", **fields: Any) -> Request:
    """A request of these tensors, all in one form."""
    tail = b"".join(tensor.raw for tensor in tensors) if form == "binary" else b""
    return request([tensor.entry(form) for tensor in tensors], tail=tail, **fields)


@dataclass(frozen=True)
class Reply:
    """An inference answer, read."""

    document: dict[str, Any]
    outputs: list[Tensor]
    binary: frozenset[str]

    def output(self, name: str) -> Tensor:
        """The output of this name."""
        return {output.name: output for output in self.outputs}[name]


def read(answer: Answer) -> Reply:
    """The answer, held to the protocol: its headers, its required fields, its sizes.

    `data` may be flat or nested: the protocol allows both (Triton and KServe return it flat).
    """
    assert answer.status == 200, f"expected 200, got {answer.status}: {answer.body[:300]!r}"
    assert answer.header("Content-Encoding") is None
    head, tail = _split(answer)
    document = replace(answer, body=head).json
    assert isinstance(document.get("model_name"), str), (
        "model_name is required, and kserve reads it"
    )
    assert isinstance(document.get("outputs"), list), "outputs is required"
    outputs, binary, at = [], set(), 0
    for entry in document["outputs"]:
        size = entry.get("parameters", {}).get("binary_data_size")
        if size is not None:
            assert "data" not in entry, f"{entry['name']}: both data and binary_data_size"
            binary.add(entry["name"])
        outputs.append(_output(entry, None if size is None else tail[at : at + size]))
        at += size or 0
    assert at == len(tail), f"binary_data_size: expected a sum of {len(tail)} bytes, got {at}"
    return Reply(document, outputs, frozenset(binary))


def _split(answer: Answer) -> tuple[bytes, bytes]:
    length, kind = answer.header(LENGTH), (answer.header("Content-Type") or "").partition(";")[0]
    if length is None:
        assert kind == "application/json"
        return answer.body, b""
    assert kind == "application/octet-stream"
    assert 0 < int(length) <= len(answer.body)
    return answer.body[: int(length)], answer.body[int(length) :]


def _output(entry: dict[str, Any], chunk: bytes | None) -> Tensor:
    assert isinstance(entry.get("name"), str)
    assert entry.get("datatype") in DATATYPES, f"datatype {entry.get('datatype')!r}"
    datatype, shape = entry["datatype"], entry.get("shape")
    assert isinstance(shape, list), f"shape {shape!r}"
    assert all(type(size) is int and size >= 0 for size in shape), f"shape {shape!r}"
    if chunk is None:
        assert isinstance(entry.get("data"), list), f"{entry['name']}: expected data"
        chunk = encode(datatype, from_json(datatype, _flat(entry["data"])))
    tensor = Tensor(entry["name"], datatype, tuple(shape), chunk)
    got, expected = len(tensor.values), math.prod(shape)
    assert got == expected, f"{tensor.name}: expected {expected} elements for {shape}, got {got}"
    return tensor


def _flat(data: list[Any]) -> list[Any]:
    while any(isinstance(value, list) for value in data):
        data = [element for value in data for element in value]
    return data


def _nested(data: list[Any], shape: Sequence[int]) -> Any:
    if not shape:
        return data
    if len(shape) == 1:
        return data
    size = math.prod(shape[1:])
    return [_nested(data[i * size : (i + 1) * size], shape[1:]) for i in range(shape[0])]
