"""A model's own requests and responses as schemas, from its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.openapi.notation import STRING, any_of, listing, record, ref
from infermeter.openapi.tensors import data_schema, shape_schema
from infermeter.tensors import shape_text

if TYPE_CHECKING:
    from infermeter.manifest import Manifest
    from infermeter.openapi.notation import Schema
    from infermeter.signature import TensorSpec

_UNITS = {
    "row": "Each row is one unit.",
    "request": "Each request is one unit.",
    "token": "Each token is one unit.",
}


def request_schema(manifest: Manifest) -> Schema:
    """What `/infer` of this model takes."""
    inputs = manifest.signature.inputs
    count = len(inputs)
    return record(
        {
            "inputs": listing(
                any_of(*map(_input_schema, inputs)),
                minItems=count,
                maxItems=count,
                description=f"Each of {_names(inputs)} once, in any order.",
            )
        },
        {
            "outputs": listing(
                record(
                    {"name": {"enum": [spec.name for spec in manifest.signature.outputs]}},
                    {"parameters": ref("OutputParameters")},
                ),
                description="The outputs wanted, each once; without it, all of them.",
            ),
            "id": ref("Id"),
            "parameters": ref("RequestParameters"),
        },
    )


def response_schema(manifest: Manifest) -> Schema:
    """What `/infer` of this model gives as JSON."""
    outputs = manifest.signature.outputs
    forms = [
        form
        for spec in outputs
        for form in (
            _output_schema(spec),
            # BYTES cannot be classified.
            *([] if spec.datatype.kind == "O" else [_classes_schema(spec)]),
        )
    ]
    return record(
        {
            "model_name": {"const": manifest.name},
            "model_version": {**STRING, "description": "The concrete version that answered."},
            "outputs": listing(any_of(*forms), minItems=1, maxItems=len(outputs)),
        },
        {"id": STRING, "parameters": ref("ResponseParameters")},
    )


def signature_text(manifest: Manifest) -> str:
    """The signature in a line of Markdown for each tensor, and what is charged."""
    signature = manifest.signature
    unit = _UNITS[manifest.unit]
    lines = [f"* takes {_spec_text(spec)}" for spec in signature.inputs]
    lines += [f"* gives {_spec_text(spec)}{_label_text(spec)}" for spec in signature.outputs]
    return "\n".join([*lines, "", unit])


def _input_schema(spec: TensorSpec) -> Schema:
    return record(
        {
            "name": {"const": spec.name},
            "datatype": {"const": spec.datatype.name},
            "shape": shape_schema(spec.shape),
        },
        {"data": data_schema(spec, given=True), "parameters": ref("InputParameters")},
        # Data lie here, in the binary part, or behind an `input_uri`, which parameters say.
        anyOf=[{"required": ["data"]}, {"required": ["parameters"]}],
        description=f"{_spec_text(spec)}.",
    )


def _output_schema(spec: TensorSpec) -> Schema:
    return record(
        {
            "name": {"const": spec.name},
            "datatype": {"const": spec.datatype.name},
            "shape": shape_schema(spec.shape),
        },
        {"data": data_schema(spec, given=False)},
        description=f"{_spec_text(spec)}{_label_text(spec)}.",
    )


def _classes_schema(spec: TensorSpec) -> Schema:
    return record(
        {
            "name": {"const": spec.name},
            "datatype": {"const": "BYTES"},
            "shape": ref("Shape"),
            "data": listing(STRING),
        },
        description=f"`{spec.name}` where `classification` was asked for: value:index[:label].",
    )


def _spec_text(spec: TensorSpec) -> str:
    return f"`{spec.name}` {spec.datatype.name} {shape_text(spec.shape)}"


def _label_text(spec: TensorSpec) -> str:
    return f", labels: {', '.join(spec.labels)}" if spec.labels else ""


def _names(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(f"`{spec.name}`" for spec in specs)
