"""A served module to one ONNX file, loaded again and compared with the module."""

from __future__ import annotations

import ast
import copy
import inspect
import logging
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import torch

from infermeter.signature import VARIABLE
from training.errors import ExportFailed
from training.served import BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from infermeter.signature import Signature
    from training.served import Served

    Tensors = Mapping[str, NDArray[Any]]

PARITY_BATCHES = (1, 7, 64)
# Of an output's largest value, where that is more than 1.
PARITY_TOLERANCE = 1e-5
_ERRORS_ONLY = 3


@dataclass(frozen=True, slots=True)
class Export:
    """What was written, and the largest difference to the module at each batch size, relative to
    an output's largest value where that is more than 1. `in_float` names the nodes of the parts
    that the served module names so."""

    opset: int
    ir_version: int
    operators: tuple[str, ...]
    parity: Mapping[int, float]
    in_float: tuple[str, ...] = ()


def export_onnx(served: Served, held_out: Callable[[int], Tensors], file: Path) -> Export:
    """Write the served module, its weights in the file.

    `held_out(rows)` gives inputs of as many rows that it was not trained on. Raises ExportFailed
    when an open axis became fixed, weights went elsewhere, or the file's answers differ.
    """
    module = copy.deepcopy(served.module).cpu().eval()
    # Two rows: an example of one would make the exporter take the axis for fixed.
    model = _graph(module, served, held_out(2))
    _check_axes(model, served.signature)
    in_float = tuple(_nodes_of(model, set(served.in_float)))
    remove_traces(model)
    onnx.checker.check_model(model, full_check=True)
    file.write_bytes(model.SerializeToString(deterministic=True))
    parity = measure_parity(module, served.signature, held_out, OnnxFile(file))
    _check_parity(parity)
    return Export(
        opset=next(entry.version for entry in model.opset_import if entry.domain == ""),
        ir_version=model.ir_version,
        operators=tuple(node.op_type for node in model.graph.node),
        parity=parity,
        in_float=in_float,
    )


def run_module(module: nn.Module, signature: Signature, inputs: Tensors) -> dict[str, NDArray[Any]]:
    """The module's answers on the CPU, by the signature's names."""
    tensors = [torch.from_numpy(inputs[spec.name]) for spec in signature.inputs]
    with torch.no_grad():
        answers = module(*tensors)
    if isinstance(answers, torch.Tensor):
        answers = (answers,)
    names = (spec.name for spec in signature.outputs)
    return {name: answer.numpy() for name, answer in zip(names, answers, strict=True)}


class OnnxFile:
    """A written file, run from its bytes alone: weights outside it would not be found."""

    def __init__(self, file: Path, threads: int = 0) -> None:
        """With as many threads as there are cores, or with these."""
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            file.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [node.name for node in self._session.get_outputs()]

    def run(self, inputs: Tensors) -> dict[str, NDArray[Any]]:
        """All outputs by name."""
        answers = self._session.run(self._outputs, dict(inputs))
        return dict(zip(self._outputs, answers, strict=True))


def _graph(module: nn.Module, served: Served, example: Tensors) -> onnx.ModelProto:
    signature = served.signature
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    registration.addFilter(_speaks_of_something_else)
    try:
        with warnings.catch_warnings():
            # torch 2.13 copies its own deprecated tree specification while it decomposes.
            warnings.filterwarnings(
                "ignore", message=r"`isinstance\(treespec, LeafSpec\)`", category=FutureWarning
            )
            # It names an axis that several inputs share after the first of them.
            warnings.filterwarnings("ignore", message=r"# The axis name: .* will not be used")
            program = torch.onnx.export(
                module,
                tuple(torch.from_numpy(example[spec.name]) for spec in signature.inputs),
                dynamo=True,
                dynamic_shapes=_for_arguments(module, _dynamic_shapes(served)),
                input_names=[spec.name for spec in signature.inputs],
                output_names=[spec.name for spec in signature.outputs],
                opset_version=served.opset,
                external_data=False,
                verbose=False,
            )
    finally:
        registration.removeFilter(_speaks_of_something_else)
    if program is None:
        raise ExportFailed("export: expected a program, got none")
    model: onnx.ModelProto = program.model_proto
    return model


def _for_arguments(module: nn.Module, shapes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Of the inputs that one argument of any number takes (`*past`), one tuple."""
    kinds = [each.kind for each in inspect.signature(module.forward).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        return shapes
    return (*shapes[: len(kinds) - 1], shapes[len(kinds) - 1 :])


def _dynamic_shapes(served: Served) -> tuple[dict[int, Any], ...]:
    """The open axes of each input; those of one name are one."""
    open_axes: dict[str, Any] = {}
    shapes = []
    for spec in served.signature.inputs:
        names = {0: BATCH, **served.axes.get(spec.name, {})}
        shape = {}
        for axis, size in enumerate(spec.shape):
            if size == VARIABLE:
                name = names.get(axis, f"{spec.name}_{axis}")
                shape[axis] = open_axes.setdefault(name, torch.export.Dim(name))
        shapes.append(shape)
    return tuple(shapes)


def _speaks_of_something_else(record: logging.LogRecord) -> bool:
    """False for the exporter's remark that torchvision, which nothing here uses, is missing."""
    return "torchvision is not installed" not in record.getMessage()


def _check_axes(model: onnx.ModelProto, signature: Signature) -> None:
    """An axis that is open in the signature is so in the graph, and the other way round."""
    values = {value.name: value for value in (*model.graph.input, *model.graph.output)}
    for spec in (*signature.inputs, *signature.outputs):
        if spec.name not in values:
            raise ExportFailed(
                f"export: expected a tensor '{spec.name}' of the graph, got {', '.join(values)}"
            )
        axes = values[spec.name].type.tensor_type.shape.dim
        found = tuple(VARIABLE if axis.dim_param else axis.dim_value for axis in axes)
        if found != spec.shape:
            raise ExportFailed(
                f"export: expected the shape {list(spec.shape)} of '{spec.name}', -1 where open, "
                f"got {list(found)}"
            )


def _nodes_of(model: onnx.ModelProto, parts: set[str]) -> Iterator[str]:
    """The names of the nodes that these submodules became."""
    for node in model.graph.node:
        for entry in node.metadata_props:
            scopes = entry.key == "pkg.torch.onnx.name_scopes"
            if scopes and parts & set(ast.literal_eval(entry.value)):
                yield node.name


def remove_traces(model: onnx.ModelProto) -> None:
    """Drop what the exporter notes for debugging: it holds paths of the machine that ran it."""
    for part in (model, model.graph, *_parts(model.graph)):
        del part.metadata_props[:]
        part.doc_string = ""


def _parts(graph: onnx.GraphProto) -> Iterator[Any]:
    yield from (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer)


def measure_parity(
    module: nn.Module, signature: Signature, held_out: Callable[[int], Tensors], written: OnnxFile
) -> dict[int, float]:
    """The file's largest difference to the module, which is on the CPU, by batch size."""
    parity = {}
    for size in PARITY_BATCHES:
        inputs = held_out(size)
        parity[size] = largest_difference(
            run_module(module, signature, inputs), written.run(inputs)
        )
    return parity


def _check_parity(parity: Mapping[int, float]) -> None:
    for size, difference in parity.items():
        if not difference <= PARITY_TOLERANCE:
            raise ExportFailed(
                f"export: expected onnxruntime to agree with PyTorch to {PARITY_TOLERANCE:g} "
                f"at batch {size}, got a difference of {difference:g}"
            )


def largest_difference(ours: Tensors, theirs: Tensors) -> float:
    """Of any of our outputs to theirs, relative to an output's largest value where that is more
    than 1; infinite where the shapes differ."""
    differences = [0.0]
    for name, answer in ours.items():
        scale = max(1.0, float(np.abs(answer).max(initial=0)))
        differences.append(_difference(answer, theirs[name]) / scale)
    return max(differences)


def _difference(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    return float(np.abs(ours - theirs).max(initial=0)) if ours.shape == theirs.shape else math.inf
