"""Open Inference Protocol (V2): bodies of `/infer`, both ways.

Source: https://github.com/kserve/open-inference-protocol, `inference_rest.md`, with Triton's
extensions for binary tensors, classification and parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from infermeter.errors import InvalidField, InvalidRequest, InvalidTensor
from infermeter.inference import InferenceRequest
from infermeter.tensors import DATATYPES, Tensor
from infermeter.wire.binary import Tail, encode_binary, split_body
from infermeter.wire.classification import classify
from infermeter.wire.excerpts import shown
from infermeter.wire.json_body import parse_json
from infermeter.wire.json_tensors import decode_data, encode_data
from infermeter.wire.limits import (
    MAX_DIMENSIONS,
    MAX_ELEMENTS,
    MAX_ID_CHARACTERS,
    MAX_TENSORS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infermeter.inference import InferenceResult, Parameter

    # The bytes behind an `input_uri`.
    Fetch = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class OutputForm:
    """How the caller wants each output: raw or in JSON, and as its `classes` largest elements.

    Outputs that `binary` does not name are raw if `otherwise` says so.
    """

    binary: Mapping[str, bool] = field(default_factory=dict)
    otherwise: bool = False
    classes: Mapping[str, int] = field(default_factory=dict)

    def is_binary(self, name: str) -> bool:
        """Whether this output travels in the binary part."""
        return self.binary.get(name, self.otherwise)


class Body(NamedTuple):
    """An encoded response: its JSON document, and the binary part's pieces where there is one."""

    document: dict[str, Any]
    parts: tuple[bytes | memoryview, ...] = ()

    def written(self) -> tuple[bytes, int | None]:
        """The body as it travels, and the length of its JSON part if more follows."""
        head = orjson.dumps(self.document, option=orjson.OPT_SERIALIZE_NUMPY)
        return (b"".join((head, *self.parts)), len(head)) if self.parts else (head, None)


JSON_FORM = OutputForm()
BINARY_FORM = OutputForm(otherwise=True)


def decode_request(
    body: bytes, json_length: int | None = None, fetch: Fetch | None = None
) -> tuple[InferenceRequest, OutputForm]:
    """A request body: JSON alone, or its first `json_length` bytes, then binary tensors.

    Raises MalformedBody, InvalidRequest or InvalidTensor naming the field, expected and got.
    """
    head, tail = split_body(body, json_length)
    return decode_document(parse_json(head), Tail(tail), fetch)


def decode_document(
    document: object, tail: Tail, fetch: Fetch | None = None
) -> tuple[InferenceRequest, OutputForm]:
    """The same for a body that is parsed already, as in a queue message.

    `fetch` reads what an `input_uri` points at: in the request's parameters it stands for the
    whole binary part, in an input's for that tensor. Without it there can be none.
    """
    fields = _object(document, "request")
    parameters = _parameters(fields.get("parameters"), "parameters")
    if "input_uri" in parameters:
        tail.finish()
        tail = Tail(memoryview(_fetched(parameters, "parameters", fetch)))
    items = _list(fields.get("inputs", ...), "inputs")
    inputs = tuple([_decode_input(item, index, tail, fetch) for index, item in enumerate(items)])
    tail.finish()
    if not inputs:
        raise InvalidRequest("inputs: expected at least one tensor, got none")
    outputs, form = _decode_outputs(fields.get("outputs"), parameters)
    request = InferenceRequest(
        inputs, outputs, _decode_id(fields.get("id")), parameters, _timeout_s(parameters)
    )
    return request, form


def encode_response(result: InferenceResult, form: OutputForm) -> Body:
    """The response body.

    Raises InvalidRequest for BYTES that JSON cannot carry, or that are to be classified.
    """
    outputs: list[dict[str, Any]] = []
    parts: list[bytes | memoryview] = []
    for tensor in result.outputs:
        if tensor.name in form.classes:
            tensor = _classified(result, tensor, form.classes[tensor.name])
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
    return Body(document, tuple(parts))


def least_size(result: InferenceResult, form: OutputForm) -> int:
    """Bytes that the encoded response has at least, known before it is encoded."""
    size = 0
    for tensor in result.outputs:
        if tensor.name not in form.classes:
            # In binary at least the 4 bytes of its length for each of BYTES, in JSON 2 for any.
            itemsize = tensor.datatype.itemsize or 4
            size += tensor.array.size * (itemsize if form.is_binary(tensor.name) else 2)
    return size


def _classified(result: InferenceResult, tensor: Tensor, count: int) -> Tensor:
    spec = next(spec for spec in result.signature.outputs if spec.name == tensor.name)
    return classify(tensor, count, spec.labels, batched=result.signature.batch_axis == 0)


def _decode_input(value: object, index: int, tail: Tail, fetch: Fetch | None) -> Tensor:
    where = f"inputs[{index}]"
    fields = _object(value, where)
    name, kind = fields.get("name"), fields.get("datatype")
    if not isinstance(name, str) or not name:
        raise InvalidRequest(f"{where}.name: expected a string, got {shown(name)}")
    datatype = DATATYPES.get(kind) if isinstance(kind, str) else None
    if datatype is None:
        raise InvalidTensor(
            name, expected=f"datatype, one of {', '.join(DATATYPES)}", got=shown(kind)
        )
    shape = _shape(name, fields.get("shape"))
    parameters = _parameters(fields.get("parameters"), where + ".parameters")
    sources = ["data"] if "data" in fields else []
    sources += [source for source in ("binary_data_size", "input_uri") if source in parameters]
    if len(sources) != 1:
        raise InvalidTensor(
            name,
            expected="one of data, parameters.binary_data_size and parameters.input_uri",
            got=" and ".join(sources) or "neither",
        )
    (source,) = sources
    if source == "data":
        return Tensor(name, datatype, decode_data(name, datatype, shape, fields["data"]))
    if source == "input_uri":
        content = _fetched(parameters, where + ".parameters", fetch)
        own = Tail(memoryview(content))
        return Tensor(name, datatype, own.take(name, datatype, shape, len(content)))
    size = parameters["binary_data_size"]
    if type(size) is not int or size < 0:
        raise InvalidTensor(name, expected="binary_data_size in bytes", got=shown(size))
    return Tensor(name, datatype, tail.take(name, datatype, shape, size))


def _fetched(parameters: Mapping[str, Parameter], where: str, fetch: Fetch | None) -> bytes:
    uri = parameters["input_uri"]
    if fetch is None or not isinstance(uri, str):
        expected = "an s3:// URI" if fetch else "none, as this server keeps no uploads"
        raise InvalidField(f"{where}.input_uri", expected=expected, got=shown(uri))
    return fetch(uri)


def _shape(name: str, value: object) -> tuple[int, ...]:
    if (
        not isinstance(value, list)
        or len(value) > MAX_DIMENSIONS
        or [size for size in value if type(size) is not int or size < 0]
    ):
        raise InvalidTensor(
            name,
            expected=f"shape as a list of at most {MAX_DIMENSIONS} sizes of 0 or more",
            got=shown(value),
        )
    # Sizes of 0 do not count: numpy refuses a shape whose other sizes are beyond its memory.
    if math.prod([size or 1 for size in value]) > MAX_ELEMENTS:
        raise InvalidTensor(
            name, expected=f"at most {MAX_ELEMENTS} elements", got=f"shape {shown(value)}"
        )
    return tuple(value)


def _decode_outputs(
    value: object, request: Mapping[str, Parameter]
) -> tuple[tuple[str, ...], OutputForm]:
    otherwise = _flag(request, "binary_data_output", "parameters")
    if value is None:
        return (), BINARY_FORM if otherwise else JSON_FORM
    names: list[str] = []
    binary: dict[str, bool] = {}
    classes: dict[str, int] = {}
    for index, item in enumerate(_list(value, "outputs")):
        where = f"outputs[{index}]"
        fields = _object(item, where)
        name = fields.get("name")
        if not isinstance(name, str):
            raise InvalidRequest(f"{where}.name: expected a string, got {shown(name)}")
        parameters = _parameters(fields.get("parameters"), where + ".parameters")
        if "classification" in parameters:
            classes[name] = _class_count(parameters["classification"], where)
        if "binary_data" in parameters:
            binary[name] = _flag(parameters, "binary_data", where + ".parameters")
        names.append(name)
    return tuple(names), OutputForm(binary, otherwise, classes)


def _class_count(value: Parameter, where: str) -> int:
    if type(value) is not int or value < 1:
        raise InvalidRequest(
            f"{where}.parameters.classification: expected a number of classes from 1, "
            f"got {shown(value)}"
        )
    return value


def _decode_id(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_ID_CHARACTERS:
        raise InvalidRequest(
            f"id: expected a string of at most {MAX_ID_CHARACTERS} characters, got {shown(value)}"
        )
    return value


def _timeout_s(parameters: Mapping[str, Parameter]) -> float | None:
    """`timeout` in seconds (the wire has microseconds; 0 is none), once `sequence_id` is none."""
    if parameters.get("sequence_id", 0) not in (0, "", False):
        raise InvalidRequest(
            "parameters.sequence_id: sequence not supported: expected 0 or none, as each request "
            f"is served by itself, got {shown(parameters['sequence_id'])}"
        )
    timeout = parameters.get("timeout", 0)
    if type(timeout) is not int or timeout < 0:
        raise InvalidRequest(
            f"parameters.timeout: expected whole microseconds of 0 or more, got {shown(timeout)}"
        )
    return timeout / 1e6 if timeout else None


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
