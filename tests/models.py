"""Small ONNX models for tests, built by hand, each with its manifest."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from infermeter.manifest import MANIFEST_FILE, MODEL_FILE, Golden, Manifest, ModelFile
from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = np.arange(6, dtype=np.float32).reshape(3, 2) / 10
BIAS = np.array([0.5, -0.5], dtype=np.float32)

_ONNX_TYPES = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BF16": TensorProto.BFLOAT16,
    "BYTES": TensorProto.STRING,
}


def linear(bias: np.ndarray = BIAS) -> bytes:
    """`y = x @ WEIGHTS + bias`: FP32 [-1,3] to FP32 [-1,2]."""
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "b"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(WEIGHTS, "w"), numpy_helper.from_array(bias, "b")],
    )
    return _serialized(graph)


def identity(datatype: str) -> bytes:
    """The input given back: any datatype, [-1,2]."""
    onnx_type = _ONNX_TYPES[datatype]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "identity",
        [helper.make_tensor_value_info("x", onnx_type, ["n", 2])],
        [helper.make_tensor_value_info("y", onnx_type, ["n", 2])],
    )
    return _serialized(graph)


def mixing() -> bytes:
    """`y = softmax(x)` down the first axis, FP32 [-1,2]: each row sees all others."""
    graph = helper.make_graph(
        [helper.make_node("Softmax", ["x"], ["y"], axis=0)],
        "mixing",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
    )
    return _serialized(graph)


def manifest_of(model: bytes, *, name: str, datatype: str = "FP32", width: int = 3) -> Manifest:
    """A manifest for one of the models above."""
    kind = DATATYPES[datatype]
    signature = Signature(
        (TensorSpec("x", kind, (-1, width)),), (TensorSpec("y", kind, (-1, 2)),), 0
    )
    file = ModelFile(MODEL_FILE, len(model), hashlib.sha256(model).hexdigest())
    return Manifest(name, signature, (file,))


def linear_manifest(name: str = "linear", bias: np.ndarray = BIAS) -> Manifest:
    """The linear model's manifest, with a golden row."""
    row = np.array([[1, 2, 3]], dtype=np.float32)
    golden = Golden({"x": row.tolist()}, {"y": (row @ WEIGHTS + bias).tolist()})
    return replace(manifest_of(linear(bias), name=name), golden=(golden,))


def write_artifact(folder: Path, model: bytes, manifest: Manifest) -> Path:
    """The artefact as a trainer leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(model)
    (folder / MANIFEST_FILE).write_bytes(manifest.to_json())
    return folder


def _serialized(graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()
