"""Example requests for a model: ones that it answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from infermeter.signature import VARIABLE

if TYPE_CHECKING:
    from infermeter.embedding import Embedding
    from infermeter.manifest import Manifest
    from infermeter.signature import Signature, TensorSpec

# What a reader would still look at. A larger one would be most of the document.
MAX_ELEMENTS = 1024
_ZEROS: dict[str, Any] = {"b": False, "i": 0, "u": 0, "f": 0.0, "V": 0.0, "O": "text"}


def example_request(manifest: Manifest) -> dict[str, Any] | None:
    """A body for `/infer`, or None where even one row is too large to be shown.

    It is the first row of the first golden inputs, which the model was tried on before it was
    published; a model without any gets zeros, sizes that may vary being 1.
    """
    signature = manifest.signature
    golden = manifest.golden[0].inputs if manifest.golden else {}
    tensors = []
    for spec in signature.inputs:
        data = _first_row(golden[spec.name], signature) if spec.name in golden else None
        shape = _shape_of(data, len(spec.shape)) if data is not None else _smallest(spec)
        if math.prod(shape) > MAX_ELEMENTS:
            return None
        flat = [_ZEROS[spec.datatype.kind]] * math.prod(shape) if data is None else _flat(data)
        tensors.append(
            {"name": spec.name, "datatype": spec.datatype.name, "shape": shape, "data": flat}
        )
    return {"inputs": tensors}


def example_embedding(name: str, embedding: Embedding, signature: Signature) -> dict[str, Any]:
    """A body for `/v1/embeddings`: a text, or a token id where the model takes those alone."""
    takes_text = embedding.tokenizer or signature.input(embedding.input).datatype.kind == "O"
    return {"model": name, "input": "a text" if takes_text else [0]}


def _first_row(data: Any, signature: Signature) -> Any:
    return data[:1] if signature.batch_axis == 0 else data


def _shape_of(data: Any, rank: int) -> list[int]:
    shape: list[int] = []
    while len(shape) < rank:
        shape.append(len(data))
        data = data[0] if data else ()
    return shape


def _smallest(spec: TensorSpec) -> list[int]:
    return [1 if size == VARIABLE else size for size in spec.shape]


def _flat(data: Any) -> list[Any]:
    if not isinstance(data, list):
        return [data]
    return [element for part in data for element in _flat(part)]
