"""A network to one ONNX file, loaded again and compared with the network."""

from __future__ import annotations

import copy
import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import torch

from training.errors import ExportFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from infermeter.signature import Signature

OPSET = 20
PARITY_BATCHES = (1, 7, 64)
# Of the largest answer, where that is more than 1.
PARITY_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Export:
    """What was written, and the largest difference to the network at each batch size."""

    opset: int
    ir_version: int
    operators: tuple[str, ...]
    parity: Mapping[int, float]


def export_onnx(
    network: nn.Module, signature: Signature, held_out: NDArray[np.float32], file: Path
) -> Export:
    """Write `network`, one input and one output of this signature, its weights in the file.

    `held_out` are rows that it was not trained on, float32 [rows, features]. Raises ExportFailed
    when the batch axis became fixed, weights went elsewhere, or the file's answers differ.
    """
    network = copy.deepcopy(network).cpu().eval()
    model = _graph(network, signature, held_out)
    _check_batch_axis(model)
    _remove_traces(model)
    onnx.checker.check_model(model, full_check=True)
    file.write_bytes(model.SerializeToString(deterministic=True))
    return Export(
        opset=next(entry.version for entry in model.opset_import if entry.domain == ""),
        ir_version=model.ir_version,
        operators=tuple(node.op_type for node in model.graph.node),
        parity=_parity(network, signature, held_out, file),
    )


def run_network(network: nn.Module, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The network's answers on the CPU."""
    with torch.no_grad():
        answers: NDArray[np.float32] = network(torch.from_numpy(features)).numpy()
    return answers


def run_file(
    file: Path, signature: Signature, features: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The file's answers, from its bytes alone: weights outside it would not be found."""
    session = onnxruntime.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])
    answers: NDArray[np.float32] = session.run(None, {signature.inputs[0].name: features})[0]
    return answers


def _graph(
    network: nn.Module, signature: Signature, held_out: NDArray[np.float32]
) -> onnx.ModelProto:
    name = signature.inputs[0].name
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    registration.addFilter(_speaks_of_something_else)
    try:
        with warnings.catch_warnings():
            # torch 2.13 copies its own deprecated tree specification while it decomposes.
            warnings.filterwarnings(
                "ignore", message=r"`isinstance\(treespec, LeafSpec\)`", category=FutureWarning
            )
            program = torch.onnx.export(
                network,
                # Two rows: an example of one would make the exporter take the axis for fixed.
                (torch.from_numpy(_rows(held_out, 2)),),
                dynamo=True,
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                input_names=[name],
                output_names=[signature.outputs[0].name],
                opset_version=OPSET,
                external_data=False,
                verbose=False,
            )
    finally:
        registration.removeFilter(_speaks_of_something_else)
    if program is None:
        raise ExportFailed("export: expected a program, got none")
    model: onnx.ModelProto = program.model_proto
    return model


def _speaks_of_something_else(record: logging.LogRecord) -> bool:
    """False for the exporter's remark that torchvision, which nothing here uses, is missing."""
    return "torchvision is not installed" not in record.getMessage()


def _check_batch_axis(model: onnx.ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        axis = value.type.tensor_type.shape.dim[0]
        if not axis.dim_param:
            raise ExportFailed(
                f"export: expected a symbolic batch axis on '{value.name}', "
                f"got the size {axis.dim_value}"
            )


def _remove_traces(model: onnx.ModelProto) -> None:
    """Drop what the exporter notes for debugging: it holds paths of the machine that ran it."""
    for part in (model, model.graph, *_parts(model.graph)):
        del part.metadata_props[:]
        part.doc_string = ""


def _parts(graph: onnx.GraphProto) -> Iterator[Any]:
    yield from (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer)


def _parity(
    network: nn.Module, signature: Signature, held_out: NDArray[np.float32], file: Path
) -> dict[int, float]:
    parity = {}
    for size in PARITY_BATCHES:
        rows = _rows(held_out, size)
        ours = run_network(network, rows)
        theirs = run_file(file, signature, rows)
        parity[size] = float(np.abs(ours - theirs).max())
        allowed = PARITY_TOLERANCE * max(1.0, float(np.abs(ours).max()))
        if ours.shape != theirs.shape or not parity[size] <= allowed:
            raise ExportFailed(
                f"export: expected onnxruntime to agree with PyTorch to {allowed:g} "
                f"at batch {size}, got a difference of {parity[size]:g}"
            )
    return parity


def _rows(held_out: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The first rows, from the start again where there are too few."""
    return held_out[np.arange(size) % len(held_out)]
