"""Open Inference Protocol (V2): bodies of `/infer`, and the metadata documents.

Source: https://github.com/kserve/open-inference-protocol, `inference_rest.md`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from infermeter.errors import InvalidRequest, InvalidTensor, MalformedBody, UnsupportedFeature
from infermeter.inference import InferenceRequest
from infermeter.tensors import DATATYPES, Tensor
from infermeter.wire.binary import Tail, encode_binary, split_body
from infermeter.wire.excerpts import shown
from infermeter.wire.json_tensors import decode_data, encode_data
from infermeter.wire.limits import (
    MAX_DIMENSIONS,
    MAX_ELEMENTS,
    MAX_ID_CHARACTERS,
    MAX_TENSORS,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infermeter.inference import InferenceResult, Parameter
    from infermeter.manifest import Manifest
    from infermeter.signature import TensorSpec

EXTENSIONS = ("binary_tensor_data", "parameters")


@dataclass(frozen=True, slots=True)
class OutputForm:
    """Which outputs the caller wants as raw bytes: the named ones, the rest by `otherwise`."""

    binary: Mapping[str, bool]
    otherwise: bool = False

    def is_binary(self, name: str) -> bool:
        """Whether this output travels in the binary part."""
        return self.binary.get(name, self.otherwise)


@dataclass(frozen=True, slots=True)
class Body:
    """An encoded response: with a binary part, `json_size` is where it starts."""

    content: bytes
    json_size: int | None = None


def decode_request(
    body: bytes, header_length: str | None = None
) -> tuple[InferenceRequest, OutputForm]:
    """A request body, JSON alone or followed by binary tensors.

    Raises MalformedBody, InvalidRequest or InvalidTensor naming the field, expected and got.
    """
    head, tail = split_body(body, header_length)
    return decode_document(_parse(head), Tail(tail))


def decode_document(document: object, tail: Tail) -> tuple[InferenceRequest, OutputForm]:
    """The same for a body that is parsed already, as in a queue message."""
    fields = _object(document, "request")
    parameters = _parameters(fields.get("parameters"), "parameters")
    inputs = tuple(
        _decode_input(_object(item, f"inputs[{index}]"), index, tail)
        for index, item in enumerate(_list(fields.get("inputs", ...), "inputs"))
    )
    tail.finish()
    if not inputs:
        raise InvalidRequest("inputs: expected at least one tensor, got none")
    outputs, binary = _decode_outputs(fields.get("outputs"))
    request = InferenceRequest(inputs, outputs, _decode_id(fields.get("id")), parameters)
    return request, OutputForm(
        binary, otherwise=_flag(parameters, "binary_data_output", "parameters")
    )


def encode_response(result: InferenceResult, form: OutputForm) -> Body:
    """The response body; BYTES that JSON cannot carry raise InvalidRequest."""
    outputs, parts = [], []
    for tensor in result.outputs:
        entry: dict[str, Any] = {
            "name": tensor.name,
            "datatype": tensor.datatype.name,
            "shape": tensor.shape,
        }
        if form.is_binary(tensor.name):
            part = encode_binary(tensor)
            entry["parameters"] = {"binary_data_size": len(part)}
            parts.append(part)
        else:
            entry["data"] = encode_data(tensor)
        outputs.append(entry)
    document: dict[str, Any] = {"model_name": result.model, "model_version": result.version}
    if result.id:
        document["id"] = result.id
    document["outputs"] = outputs
    head = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    if not parts:
        return Body(head)
    return Body(b"".join((head, *parts)), json_size=len(head))


def server_metadata(version: str) -> dict[str, Any]:
    """`GET /v2`."""
    return {"name": "infermeter", "version": version, "extensions": EXTENSIONS}


def model_metadata(manifest: Manifest, versions: Sequence[str], digest: str) -> dict[str, Any]:
    """`GET /v2/models/{model}`."""
    return {
        "name": manifest.name,
        "versions": list(versions),
        "platform": manifest.platform,
        "inputs": [_spec_document(spec) for spec in manifest.signature.inputs],
        "outputs": [_spec_document(spec) for spec in manifest.signature.outputs],
        "properties": {"digest": digest},
    }


def _spec_document(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype.name, "shape": list(spec.shape)}


def _parse(head: memoryview) -> object:
    try:
        return orjson.loads(head)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"body: expected JSON, got: {error}") from None


def _decode_input(fields: dict[str, Any], index: int, tail: Tail) -> Tensor:
    where = f"inputs[{index}]"
    name = fields.get("name")
    if not isinstance(name, str) or not name:
        raise InvalidRequest(f"{where}.name: expected a string, got {shown(name)}")
    datatype = DATATYPES.get(fields.get("datatype", ""), None) if _is_text(fields) else None
    if datatype is None:
        raise InvalidTensor(
            name,
            expected=f"datatype, one of {', '.join(DATATYPES)}",
            got=shown(fields.get("datatype")),
        )
    shape = _shape(name, fields.get("shape"))
    parameters = _parameters(fields.get("parameters"), f"{where}.parameters")
    size = parameters.get("binary_data_size")
    if size is None:
        if "data" not in fields:
            raise InvalidTensor(
                name, expected="data, or parameters.binary_data_size", got="neither"
            )
        return Tensor(name, datatype, decode_data(name, datatype, shape, fields["data"]))
    if "data" in fields:
        raise InvalidTensor(name, expected="data or binary_data_size", got="both")
    if type(size) is not int or size < 0:
        raise InvalidTensor(name, expected="binary_data_size in bytes", got=shown(size))
    return Tensor(name, datatype, tail.take(name, datatype, shape, size))


def _is_text(fields: dict[str, Any]) -> bool:
    return isinstance(fields.get("datatype"), str)


def _shape(name: str, value: object) -> tuple[int, ...]:
    if (
        not isinstance(value, list)
        or len(value) > MAX_DIMENSIONS
        or not all(type(size) is int and size >= 0 for size in value)
    ):
        raise InvalidTensor(
            name,
            expected=f"shape as a list of at most {MAX_DIMENSIONS} sizes of 0 or more",
            got=shown(value),
        )
    # Sizes of 0 do not count: numpy refuses a shape whose other sizes are beyond its memory.
    if math.prod(size or 1 for size in value) > MAX_ELEMENTS:
        raise InvalidTensor(
            name, expected=f"at most {MAX_ELEMENTS} elements", got=f"shape {shown(value)}"
        )
    return tuple(value)


def _decode_outputs(value: object) -> tuple[tuple[str, ...], dict[str, bool]]:
    names, binary = [], {}
    for index, item in enumerate([] if value is None else _list(value, "outputs")):
        where = f"outputs[{index}]"
        fields = _object(item, where)
        name = fields.get("name")
        if not isinstance(name, str):
            raise InvalidRequest(f"{where}.name: expected a string, got {shown(name)}")
        parameters = _parameters(fields.get("parameters"), f"{where}.parameters")
        if "classification" in parameters:
            raise UnsupportedFeature(
                f"{where}.parameters.classification: expected none, as this server does not "
                "offer the classification extension"
            )
        if "binary_data" in parameters:
            binary[name] = _flag(parameters, "binary_data", f"{where}.parameters")
        names.append(name)
    return tuple(names), binary


def _decode_id(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_ID_CHARACTERS:
        raise InvalidRequest(
            f"id: expected a string of at most {MAX_ID_CHARACTERS} characters, got {shown(value)}"
        )
    return value


def _parameters(value: object, where: str) -> dict[str, Parameter]:
    if value is None:
        return {}
    fields = _object(value, where)
    for name, item in fields.items():
        if not isinstance(item, str | int | float | bool):
            raise InvalidRequest(
                f"{where}.{name}: expected a string, number or boolean, got {shown(item)}"
            )
    return fields


def _flag(parameters: Mapping[str, Parameter], name: str, where: str) -> bool:
    value = parameters.get(name, False)
    if not isinstance(value, bool):
        raise InvalidRequest(f"{where}.{name}: expected a boolean, got {shown(value)}")
    return value


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidRequest(f"{where}: expected an object, got {shown(value)}")
    return value


def _list(value: object, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidRequest(f"{where}: expected a list, got {shown(value)}")
    if len(value) > MAX_TENSORS:
        raise InvalidRequest(f"{where}: expected at most {MAX_TENSORS} tensors, got {len(value)}")
    return value
