"""Fewer bits for the weights of a file, and for what flows through it, by onnxruntime's tools."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.quantization.shape_inference import quant_pre_process

from training.errors import CompressionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    Tensors = Mapping[str, NDArray[Any]]

Quantization = Literal["dynamic_int8", "static_int8", "weight_only_int8", "weight_only_int4"]
# What each looks at. A convolution with activations measured as it runs is several times slower;
# a graph's other operators gain nothing, and Attention of opset 23 is damaged.
OPERATORS: Mapping[Quantization, tuple[str, ...]] = {
    "dynamic_int8": ("MatMul", "Gemm", "Gather"),
    "static_int8": ("Conv", "Gemm", "MatMul", "Gather"),
    "weight_only_int8": ("MatMul", "Gather"),
    "weight_only_int4": ("MatMul", "Gather"),
}
# Of these, by name in the quantized file, one at least must be there.
_TRACES = {
    "QuantizeLinear",
    "DequantizeLinear",
    "MatMulInteger",
    "MatMulNBits",
    "GatherBlockQuantized",
}
# Weights that share a scale: what onnxruntime's kernels for a CPU take.
BLOCK = 32
# Activations are made int8 inside the operator, row by row.
ACCURACY_LEVEL = 4


def quantize(
    model: onnx.ModelProto,
    method: Quantization,
    batches: Callable[[], Iterable[Tensors]],
    left: Collection[str] = (),
) -> onnx.ModelProto:
    """The model with int8 or int4 weights; the nodes named in `left` stay as they are.

    `batches()` gives inputs, training rows, from which `static_int8` learns its ranges. Raises
    CompressionFailed where the graph has nothing to quantize.
    """
    prepared = onnx.ModelProto()
    prepared.CopyFrom(model)
    _untie(prepared)
    # `_MatMul` is what a Gemm becomes on the way.
    excluded = [name for node in left for name in (node, f"{node}_MatMul")]
    with _quiet():
        match method:
            case "dynamic_int8":
                found = _dynamic(prepared, OPERATORS[method], excluded)
            case "static_int8":
                # A table of embeddings is read, not multiplied: int8 rows, scaled when read.
                if any(node.op_type == "Gather" for node in prepared.graph.node):
                    prepared = _dynamic(prepared, ("Gather",), excluded)
                found = _static(prepared, batches, excluded)
            case "weight_only_int8":
                matrices = _weight_only(prepared, 8, ("MatMul",), excluded)
                found = _dynamic(matrices, ("Gather",), excluded)
            case "weight_only_int4":
                found = _weight_only(prepared, 4, OPERATORS[method], excluded)
    if not _TRACES & {node.op_type for node in found.graph.node}:
        raise CompressionFailed(
            f"quantization: expected {', '.join(OPERATORS[method])} with weights for {method}, "
            "got none in the graph; use quantization=none"
        )
    ONNXModel(found).clean_initializers()
    return found


def _dynamic(
    model: onnx.ModelProto, operators: tuple[str, ...], excluded: list[str]
) -> onnx.ModelProto:
    with tempfile.TemporaryDirectory() as folder:
        source, target = _prepared(model, folder)
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=list(operators),
            per_channel=True,
            # Products of two pairs of whole eight bits overflow sixteen on a CPU without VNNI:
            # with seven the answers are the same on all of them.
            reduce_range=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=excluded,
            extra_options={"MatMulConstBOnly": True},
        )
        return onnx.load(target)


def _static(
    model: onnx.ModelProto, batches: Callable[[], Iterable[Tensors]], excluded: list[str]
) -> onnx.ModelProto:
    with tempfile.TemporaryDirectory() as folder:
        source, target = _prepared(model, folder)
        quantize_static(
            source,
            target,
            _Rows(batches()),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            per_channel=True,
            reduce_range=True,
            # Unsigned activations by signed weights: the pair that x86 multiplies fast.
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=excluded,
        )
        return onnx.load(target)


def _weight_only(
    model: onnx.ModelProto, bits: int, operators: tuple[str, ...], excluded: list[str]
) -> onnx.ModelProto:
    # Here, because it sets up logging when it is imported: `_quiet` takes that back.
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    flat = ONNXModel(model)
    flat.replace_gemm_with_matmul()
    quantizer = MatMulNBitsQuantizer(
        flat.model,
        bits=bits,
        block_size=BLOCK,
        is_symmetric=True,
        accuracy_level=ACCURACY_LEVEL,
        nodes_to_exclude=excluded,
        op_types_to_quantize=operators,
    )
    # Of a block of zeros the scale is zero: it divides by it, and takes zero instead.
    with np.errstate(invalid="ignore"):
        quantizer.process()
    found: onnx.ModelProto = quantizer.model.model
    return found


def _prepared(model: onnx.ModelProto, folder: str) -> tuple[Path, Path]:
    """A file with every shape inferred, and the path of another.

    Nothing is fused in it, so that nodes keep the names that the exporter gave.
    """
    source, target = Path(folder, "prepared.onnx"), Path(folder, "quantized.onnx")
    quant_pre_process(model, source, skip_optimization=True, skip_symbolic_shape=True)
    return source, target


def _untie(model: onnx.ModelProto) -> None:
    """Give products one copy of a table that they share, transposed, with a lookup: the quantizers
    know weights by being constants, and two copies in int8 are half of one in float."""
    readers = Counter(name for node in model.graph.node for name in node.input)
    if any(node.op_type == "Gemm" and readers[node.input[1]] > 1 for node in model.graph.node):
        ONNXModel(model).replace_gemm_with_matmul()
    _fold_transposed_weights(model.graph)
    first: dict[bytes, str] = {}
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        key = f"{values.dtype} {values.shape} ".encode() + values.tobytes()
        if first.setdefault(key, tensor.name) != tensor.name:
            ONNXModel(model).replace_input_of_all_nodes(tensor.name, first[key])
    ONNXModel(model).clean_initializers()


def _fold_transposed_weights(graph: onnx.GraphProto) -> None:
    constants = {tensor.name: tensor for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        tensor = constants.get(node.input[0]) if node.op_type == "Transpose" else None
        if tensor is None:
            kept.append(node)
            continue
        order = next((list(each.ints) for each in node.attribute if each.name == "perm"), None)
        values = numpy_helper.to_array(tensor).transpose(order)
        graph.initializer.append(numpy_helper.from_array(values.copy(), node.output[0]))
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
    del graph.node[:]
    graph.node.extend(nodes)


class _Rows(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, batches: Iterable[Tensors]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        batch = next(self._batches, None)
        return None if batch is None else dict(batch)


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantizers tell the root logger of each node."""
    root = logging.getLogger()
    handlers, level, disabled = root.handlers[:], root.level, root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)
