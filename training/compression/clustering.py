"""Weight sharing: each weight of a file is one of a few values, and the file holds its number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from training.errors import CompressionFailed

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A tensor of fewer weights would not pay for its codebook.
SMALLEST = 1024
# Numbers of as many values fit into four bits.
FOUR_BITS = 16
# The first version whose Cast takes them.
FOUR_BIT_OPSET = 21
# Cheap, for an iteration looks up as many places as there are clusters.
_ITERATIONS = 100


def share_weights(model: onnx.ModelProto, clusters: int) -> onnx.ModelProto:
    """The same graph, its larger weights taken from codebooks: `Gather(codebook, numbers)`.

    Numbers are of 4 bits for up to 16 clusters, else of 8. onnxruntime does the lookup once, when
    it loads the file. Raises CompressionFailed where no tensor is large enough.
    """
    shared = onnx.ModelProto()
    shared.CopyFrom(model)
    graph = shared.graph
    lookups, initializers = [], []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST:
            initializers.append(tensor)
            continue
        weights = numpy_helper.to_array(tensor)
        codebook, numbers = cluster(weights.ravel(), clusters)
        initializers += _tensors(tensor.name, codebook, numbers.reshape(weights.shape), clusters)
        lookups += _lookup(tensor.name)
    if not lookups:
        raise CompressionFailed(
            f"clusters: expected a tensor of {SMALLEST} weights or more, got none; use clusters=0"
        )
    nodes = [*lookups, *graph.node]
    for field, values in ((graph.initializer, initializers), (graph.node, nodes)):
        kept = [type(value).FromString(value.SerializeToString()) for value in values]
        del field[:]
        field.extend(kept)
    return shared


def cluster(weights: NDArray[Any], clusters: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The codebook, float32 [up to `clusters`], and each weight's number in it, uint8 [weights].

    k-means on a line: Lloyd's iterations, in which a cluster is a stretch of the sorted weights,
    so that its sum is a difference of running sums. They begin as dense as the best values are,
    where there are many: the cube root of the weights' density (Panter and Dite, 1951). Where a
    share of the weights was set to zero, zero is one of the values, exactly.
    """
    zero = np.array([0.0] if np.mean(weights == 0) * clusters > 1 else [])
    ordered = np.sort(weights[weights != 0] if zero.size else weights).astype(np.float64)
    centres = _first_centres(ordered, clusters - zero.size)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    for _ in range(_ITERATIONS):
        inner = np.searchsorted(ordered, (centres[1:] + centres[:-1]) / 2)
        ends = np.concatenate([[0], inner, [len(ordered)]])
        members = np.diff(ends)
        means = np.diff(sums[ends]) / np.maximum(members, 1)
        centres = np.sort(np.where(members > 0, means, centres))
    codebook = np.unique(np.concatenate([zero, centres])).astype(np.float32)
    bounds = (codebook[1:] + codebook[:-1]) / 2
    return codebook, np.searchsorted(bounds, weights).astype(np.uint8)


def _first_centres(ordered: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Between two neighbours the density is one over their distance, times a constant."""
    values = np.unique(ordered)
    if len(values) <= count:
        return values
    places = np.concatenate([[0.0], np.cumsum(np.diff(values) ** (2 / 3))])
    centres: NDArray[np.float64] = np.interp(
        (np.arange(count) + 0.5) / count * places[-1], places, values
    )
    return centres


def _tensors(
    name: str, codebook: NDArray[np.float32], numbers: NDArray[np.uint8], clusters: int
) -> list[TensorProto]:
    if clusters > FOUR_BITS:
        stored = numpy_helper.from_array(numbers, f"{name}_numbers")
    else:
        flat = np.append(numbers.ravel(), np.zeros(numbers.size % 2, np.uint8))
        # Two in a byte, the first in the lower half.
        # https://onnx.ai/onnx/technical/int4.html
        packed = (flat[0::2] | flat[1::2] << 4).tobytes()
        stored = helper.make_tensor(
            f"{name}_numbers", TensorProto.UINT4, numbers.shape, packed, raw=True
        )
    return [stored, numpy_helper.from_array(codebook, f"{name}_codebook")]


def _lookup(name: str) -> list[onnx.NodeProto]:
    cast, numbers = f"{name}_indices", f"{name}_numbers"
    return [
        helper.make_node("Cast", [numbers], [cast], f"{name}_cast", to=TensorProto.INT32),
        helper.make_node("Gather", [f"{name}_codebook", cast], [name], f"{name}_lookup", axis=0),
    ]
