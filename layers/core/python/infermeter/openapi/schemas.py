"""Schemas of what every model's, and the server's own, bodies have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.openapi.notation import BOOLEAN, COUNT, STRING, any_of, listing, record, ref
from infermeter.openapi.tensors import NON_FINITE
from infermeter.tensors import DATATYPES
from infermeter.wire.limits import (
    MAX_CLASSES,
    MAX_DIMENSIONS,
    MAX_ID_CHARACTERS,
    MAX_TENSORS,
    MAX_UPLOAD_BYTES,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infermeter.openapi.notation import Schema

_SIZES = listing({"type": "integer", "minimum": -1}, description="Sizes; -1 where any is taken.")
_DATATYPE: Schema = {"enum": list(DATATYPES)}
_TENSOR = {"name": {**STRING, "minLength": 1}, "datatype": _DATATYPE, "shape": ref("Shape")}
_DURATION = record({"count": COUNT, "ns": COUNT})
_NULLABLE_STRING: Schema = {"type": ["string", "null"]}

SCHEMAS: Mapping[str, Schema] = {
    "Error": record(
        {"error": {**STRING, "description": "What was expected, what came, and what to do."}}
    ),
    "OpenAIError": record(
        {
            "error": record(
                {
                    "message": STRING,
                    "type": STRING,
                    "param": _NULLABLE_STRING,
                    "code": _NULLABLE_STRING,
                }
            )
        }
    ),
    "ServerMetadata": record({"name": STRING, "version": STRING, "extensions": listing(STRING)}),
    "ServerLive": record({"live": BOOLEAN}),
    "ServerReady": record({"ready": BOOLEAN, "live": BOOLEAN}),
    "ModelNames": record({"models": listing(STRING)}),
    "TensorMetadata": record({"name": STRING, "datatype": _DATATYPE, "shape": _SIZES}),
    "ModelMetadata": record(
        {
            "name": STRING,
            "versions": listing(STRING),
            "platform": STRING,
            "inputs": listing(ref("TensorMetadata")),
            "outputs": listing(ref("TensorMetadata")),
        },
        {"properties": record({})},
    ),
    "ModelReady": record({"name": STRING, "ready": BOOLEAN}),
    "ModelConfig": record(
        {
            "name": STRING,
            "platform": STRING,
            "backend": STRING,
            "max_batch_size": COUNT,
            "input": listing(record({"name": STRING, "data_type": STRING, "dims": _SIZES})),
            "output": listing(record({"name": STRING, "data_type": STRING, "dims": _SIZES})),
        },
        description="Triton's `model_config.proto` as JSON.",
    ),
    "Shape": listing(COUNT, maxItems=MAX_DIMENSIONS),
    "Id": {
        **STRING,
        "maxLength": MAX_ID_CHARACTERS,
        "description": "Comes back in the answer. It is no Idempotency-Key.",
    },
    "Data": listing(
        any_of({"type": "number"}, BOOLEAN, STRING, {"type": "null"}, {"type": "array"}),
        description="Elements in row-major order, flat or nested as the shape is.",
    ),
    "Parameter": {"type": ["string", "number", "boolean"]},
    "RequestParameters": record(
        {},
        {
            "timeout": {**COUNT, "description": "Microseconds to wait for the answer; 0: no limit"},
            "binary_data_output": {**BOOLEAN, "description": "All outputs in the binary part."},
            "input_uri": {**STRING, "description": "An upload that holds the binary part."},
        },
        additionalProperties=ref("Parameter"),
    ),
    "InputParameters": record(
        {},
        {
            "binary_data_size": {**COUNT, "description": "Bytes in the binary part, for `data`."},
            "input_uri": {**STRING, "description": "An upload that holds the bytes, for `data`."},
        },
        additionalProperties=ref("Parameter"),
    ),
    "OutputParameters": record(
        {},
        {
            "binary_data": {**BOOLEAN, "description": "This output in the binary part."},
            "classification": {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_CLASSES,
                "description": "So many of the largest elements, as `value:index[:label]`.",
            },
        },
        additionalProperties=ref("Parameter"),
    ),
    "InferenceRequest": record(
        {
            "inputs": listing(
                record(_TENSOR, {"data": ref("Data"), "parameters": ref("InputParameters")}),
                minItems=1,
                maxItems=MAX_TENSORS,
            )
        },
        {
            "outputs": listing(
                record({"name": STRING}, {"parameters": ref("OutputParameters")}),
                maxItems=MAX_TENSORS,
            ),
            "id": ref("Id"),
            "parameters": ref("RequestParameters"),
        },
    ),
    "InferenceResponse": record(
        {
            "model_name": STRING,
            "model_version": STRING,
            "outputs": listing(
                record(
                    _TENSOR,
                    {"data": listing(any_of({"type": "number"}, BOOLEAN, STRING, NON_FINITE))},
                )
            ),
        },
        {"id": STRING, "parameters": ref("ResponseParameters")},
    ),
    "ResponseParameters": record(
        {},
        {
            "output_uri": {**STRING, "description": "Where a binary part lies that is too large."},
            "output_bytes": COUNT,
            "output_expires_at": {**STRING, "format": "date-time"},
        },
    ),
    "UploadRequest": record(
        {"size": {"type": "integer", "minimum": 1, "maximum": MAX_UPLOAD_BYTES}}
    ),
    "Upload": record(
        {
            "upload_url": STRING,
            "method": STRING,
            "headers": record({}, additionalProperties=STRING),
            "input_uri": STRING,
            "size": COUNT,
            "expires_at": {**STRING, "format": "date-time"},
        }
    ),
    "RepositoryIndex": listing(
        record({"name": STRING, "version": STRING, "state": STRING, "reason": STRING})
    ),
    "Statistics": record(
        {
            "model_stats": listing(
                record(
                    {
                        "name": STRING,
                        "version": STRING,
                        "last_inference": {**COUNT, "description": "Epoch milliseconds."},
                        "inference_count": COUNT,
                        "execution_count": COUNT,
                        "inference_stats": record({}, additionalProperties=_DURATION),
                        "batch_stats": listing(record({"batch_size": COUNT})),
                    }
                )
            )
        }
    ),
}
