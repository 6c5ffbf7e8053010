"""Models whose run costs little beside the request that asks for it."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from infermeter.manifest import MODEL_FILE, Manifest, ModelFile
from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES
from tests.models import _serialized

INPUT, OUTPUT = "x", "y"
_MLP_WIDTHS = (10, 64, 64, 10)


def mlp() -> bytes:
    """10 -> 64 relu -> 64 relu -> 10 softmax: FP32 [-1,10] to FP32 [-1,10]."""
    random = np.random.default_rng(0)
    nodes, weights, last = [], [], INPUT
    for layer, (before, after) in enumerate(pairwise(_MLP_WIDTHS)):
        scale = np.float32(before**-0.5)
        weight = random.standard_normal((before, after), np.float32) * scale
        weights.append(numpy_helper.from_array(weight, f"w{layer}"))
        weights.append(numpy_helper.from_array(np.zeros(after, np.float32), f"b{layer}"))
        nodes.append(helper.make_node("Gemm", [last, f"w{layer}", f"b{layer}"], [f"z{layer}"]))
        is_last = layer == len(_MLP_WIDTHS) - 2
        last = OUTPUT if is_last else f"a{layer}"
        activation = {"axis": -1} if is_last else {}
        kind = "Softmax" if is_last else "Relu"
        nodes.append(helper.make_node(kind, [f"z{layer}"], [last], **activation))
    return _model(nodes, (10,), (10,), weights)


def mean(shape: tuple[int, ...]) -> bytes:
    """The mean over all dimensions but the first two: FP32 [-1,n,...] to FP32 [-1,n].

    Of rows with one dimension, the mean of each: FP32 [-1,n] to FP32 [-1,1].
    """
    axes = list(range(2, len(shape) + 1)) or [1]
    node = helper.make_node("ReduceMean", [INPUT, "axes"], [OUTPUT], keepdims=int(axes == [1]))
    out = (1,) if axes == [1] else shape[:1]
    return _model([node], shape, out, [numpy_helper.from_array(np.array(axes), "axes")])


def manifest(name: str, model: bytes, given: tuple[int, ...], out: tuple[int, ...]) -> Manifest:
    """The manifest of one of the models above, by the shapes of a row."""
    kind = DATATYPES["FP32"]
    signature = Signature(
        (TensorSpec(INPUT, kind, (-1, *given)),), (TensorSpec(OUTPUT, kind, (-1, *out)),), 0
    )
    file = ModelFile(MODEL_FILE, len(model), hashlib.sha256(model).hexdigest())
    return Manifest(name, signature, (file,))


def _model(nodes, given, out, weights) -> bytes:
    graph = helper.make_graph(
        nodes,
        "bench",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", *given])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", *out])],
        weights,
    )
    return _serialized(graph)
