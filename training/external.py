"""Weights outside of the graphs that use them, in one file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import onnx
from onnx.external_data_helper import set_external_data

from infermeter.manifest import MODEL_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GRAPH = ".onnx"
DATA = ".data"
# From here on a single graph's weights lie outside of it. protobuf ends at 2 GiB.
LARGE = 64 * 2**20
# Smaller tensors, and what shapes are made of, stay in their graph.
SMALLEST = 1024
# Where a tensor begins: numpy and onnxruntime read it in place.
ALIGNMENT = 64


def with_weights_outside(files: Mapping[str, bytes], large: int = LARGE) -> dict[str, bytes]:
    """The files of an artefact by path, the weights of its graphs in one file where there are
    several graphs, which then share what they have in common, or where a graph is large.

    The file lies beside the graph that lies deepest, for onnxruntime reads nothing outside of a
    graph's own folder and those in it.
    """
    graphs = {path: content for path, content in files.items() if path.endswith(GRAPH)}
    if len(graphs) < 2 and len(graphs.get(MODEL_FILE, b"")) < large:
        return dict(files)
    deepest = max(graphs, key=lambda path: path.count("/"))
    data = f"{deepest}{DATA}"
    weights = Weights()
    changed = {}
    for path, content in graphs.items():
        folder = path.removesuffix(path.rpartition("/")[2])
        model = onnx.load_model_from_string(content)
        weights.take(model.graph.initializer, data.removeprefix(folder))
        changed[path] = model.SerializeToString(deterministic=True)
    return {**files, **changed, data: bytes(weights.content)}


class Weights:
    """Tensors one after the other, each once."""

    def __init__(self) -> None:
        self.content = bytearray()
        self._places: dict[bytes, int] = {}

    def take(self, tensors: Iterable[onnx.TensorProto], location: str) -> None:
        """Leave in each large tensor only where its bytes are, in the file at `location`."""
        for tensor in tensors:
            if not tensor.HasField("raw_data"):
                continue
            raw = tensor.raw_data
            if len(raw) < SMALLEST:
                continue
            set_external_data(tensor, location, self._place(raw), len(raw))
            tensor.ClearField("raw_data")

    def _place(self, raw: bytes) -> int:
        key = hashlib.sha256(raw).digest()
        if key not in self._places:
            self.content += bytes(-len(self.content) % ALIGNMENT)
            self._places[key] = len(self.content)
            self.content += raw
        return self._places[key]
