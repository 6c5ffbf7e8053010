"""What a server says of itself and of its models: metadata, configuration, readiness.

Sources: Open Inference Protocol, `inference_rest.md`; Triton `extension_model_configuration.md`,
whose document is the JSON form of `model_config.proto`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infermeter.signature import MAX_BATCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infermeter.manifest import Manifest
    from infermeter.signature import TensorSpec

EXTENSIONS = (
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "model_repository(unload_dependents)",
    "parameters",
    "statistics",
)


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


def model_config(manifest: Manifest, version: str) -> dict[str, Any]:
    """`GET /v2/models/{model}/config`.

    With the batch on axis 0, `dims` are without it and `max_batch_size` is the limit of rows.
    """
    signature = manifest.signature
    batched = signature.batch_axis == 0
    return {
        "name": manifest.name,
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "version_policy": {"specific": {"versions": [int(version)]}},
        "max_batch_size": MAX_BATCH if batched else 0,
        "input": [_config_tensor(spec, batched=batched) for spec in signature.inputs],
        "output": [_config_tensor(spec, batched=batched) for spec in signature.outputs],
        "instance_group": [{"name": manifest.name, "kind": "KIND_CPU", "count": 1}],
        "default_model_filename": "model.onnx",
        "parameters": {
            "unit": {"string_value": manifest.unit},
            "family": {"string_value": manifest.family},
        },
    }


def _spec_document(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype.name, "shape": list(spec.shape)}


def _config_tensor(spec: TensorSpec, *, batched: bool) -> dict[str, Any]:
    # The configuration has a name of its own for BYTES.
    kind = "STRING" if spec.datatype.name == "BYTES" else spec.datatype.name
    return {
        "name": spec.name,
        "data_type": f"TYPE_{kind}",
        "dims": list(spec.shape[1:] if batched else spec.shape),
    }
