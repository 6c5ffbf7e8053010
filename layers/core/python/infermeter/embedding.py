"""Embedding: what a manifest says of it, texts or token ids to tensors, outputs to vectors."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from infermeter import bfloat16
from infermeter.errors import InvalidManifest, ModelFailed
from infermeter.signature import VARIABLE
from infermeter.tensors import DATATYPES, Tensor, shape_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from infermeter.fields import Fields
    from infermeter.signature import Signature, TensorSpec

POOLINGS = ("none", "mean", "cls")
_FLOATS = ("FP16", "FP32", "FP64", "BF16")
_IDS = ("INT32", "INT64")
_SEQUENCES = (VARIABLE, VARIABLE)
_TEXTS = ((VARIABLE,), (VARIABLE, 1))
_LARGEST_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Embedding:
    """How a model embeds. `input`, `mask`, `types` and `output` are names of its tensors.

    `input` takes token ids, INT32 or INT64 [-1,-1], or texts, BYTES [-1] or [-1,1]. `mask` gets 1
    for a token and 0 for padding, `types` zeros; a model without a mask must know `pad_id` itself.
    `tokenizer` is a file of the artefact, in the format of the `tokenizers` library; without one
    only token ids are taken. `output` is pooled over its second axis: by the mean over tokens, by
    the first of them, or not at all where the graph does so itself. A text has at most
    `max_tokens`, special tokens included.
    """

    output: str
    input: str = "input_ids"
    mask: str | None = None
    types: str | None = None
    tokenizer: str | None = None
    pooling: str = "none"
    normalize: bool = True
    max_tokens: int = 512
    pad_id: int = 0

    def document(self) -> dict[str, Any]:
        """As a manifest holds it."""
        return asdict(self)


def parse_embedding(fields: Fields, signature: Signature, files: Collection[str]) -> Embedding:
    """The embedding of a manifest with this signature and these files' paths.

    Raises InvalidManifest naming the field, what was expected and what came.
    """
    embedding = Embedding(
        output=fields.text("output"),
        input=fields.text("input"),
        mask=fields.text_or_none("mask"),
        types=fields.text_or_none("types"),
        tokenizer=fields.text_or_none("tokenizer"),
        pooling=fields.choice("pooling", POOLINGS, "none"),
        normalize=fields.flag("normalize", default=True),
        max_tokens=fields.number("max_tokens", 1, _LARGEST_ID, 512),
        pad_id=fields.number("pad_id", 0, _LARGEST_ID, 0),
    )
    if signature.batch_axis != 0:
        raise InvalidManifest(
            "embedding", expected="a model with batch_axis 0", got=signature.batch_axis
        )
    _check_inputs(embedding, signature)
    _check_output(embedding, signature)
    if embedding.tokenizer is not None and embedding.tokenizer not in files:
        raise InvalidManifest(
            "embedding.tokenizer", expected=f"one of the files {[*files]}", got=embedding.tokenizer
        )
    return embedding


def takes_text(embedding: Embedding, signature: Signature) -> bool:
    """Whether the model makes its own tokens, which nobody else can count."""
    return signature.input(embedding.input).datatype.name == "BYTES"


def count_tokens(embedding: Embedding, inputs: Mapping[str, NDArray[Any]]) -> int:
    """Tokens in the model's own inputs, padding left out where there is a mask; 0 for texts.

    The caller makes the mask, and graphs serve what some say: one that is narrower than the ids is
    broadcast over all of them, and a row without any 1 may be attended to as a whole.
    """
    ids = inputs[embedding.input]
    if ids.dtype == object:
        return 0
    mask = None if embedding.mask is None else inputs[embedding.mask]
    if mask is None or mask.shape != ids.shape:
        return ids.size
    counts = np.count_nonzero(mask, axis=1)
    return int(np.where(counts, counts, ids.shape[1]).sum())


def _check_inputs(embedding: Embedding, signature: Signature) -> None:
    specs = {spec.name: spec for spec in signature.inputs}
    fed = {"input": embedding.input, "mask": embedding.mask, "types": embedding.types}
    named = {part: name for part, name in fed.items() if name is not None}
    for part, name in named.items():
        if name not in specs:
            raise InvalidManifest(
                f"embedding.{part}", expected=f"one of the inputs {[*specs]}", got=name
            )
    if sorted(named.values()) != sorted(specs):
        raise InvalidManifest(
            "embedding", expected=f"each of the inputs {[*specs]} named once", got=named
        )
    if takes_text(embedding, signature):
        _check_text_model(embedding, specs[embedding.input])
        return
    for part, name in named.items():
        spec = specs[name]
        if spec.datatype.name not in _IDS or spec.shape != _SEQUENCES:
            expected = "a tensor of INT32 or INT64 [-1,-1]"
            if part == "input":
                expected += ", or of BYTES [-1] or [-1,1]"
            raise InvalidManifest(f"embedding.{part}", expected=expected, got=_described(spec))


def _check_text_model(embedding: Embedding, spec: TensorSpec) -> None:
    if spec.shape not in _TEXTS:
        raise InvalidManifest(
            "embedding.input", expected="BYTES [-1] or [-1,1]", got=_described(spec)
        )
    if embedding.tokenizer is not None or embedding.pooling != "none":
        raise InvalidManifest(
            "embedding",
            expected="neither tokenizer nor pooling for a model that takes text",
            got=embedding.document(),
        )


def _check_output(embedding: Embedding, signature: Signature) -> None:
    specs = {spec.name: spec for spec in signature.outputs}
    spec = specs.get(embedding.output)
    if spec is None:
        raise InvalidManifest(
            "embedding.output", expected=f"one of the outputs {[*specs]}", got=embedding.output
        )
    rank = 2 if embedding.pooling == "none" else 3
    sized = len(spec.shape) == rank and spec.shape[0] == VARIABLE and spec.shape[-1] > 0
    if spec.datatype.name not in _FLOATS or not sized:
        between = "" if rank == 2 else "-1,"
        raise InvalidManifest(
            "embedding.output",
            expected=f"floats [-1,{between}N] with a known N for pooling '{embedding.pooling}'",
            got=_described(spec),
        )


def _described(spec: TensorSpec) -> str:
    return f"{spec.name} {spec.datatype.name} {shape_text(spec.shape)}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs of one run. `lengths`, INT64 [items], counts each item's tokens; None for texts."""

    embedding: Embedding
    tensors: tuple[Tensor, ...]
    items: int
    lengths: NDArray[np.int64] | None = None

    @property
    def tokens(self) -> int:
        """Tokens that went in, without padding; 0 where the model makes them itself, unseen."""
        return 0 if self.lengths is None else int(self.lengths.sum())


def batch_texts(embedding: Embedding, signature: Signature, texts: Sequence[str]) -> Batch:
    """For a model that takes text: one BYTES tensor."""
    array = np.empty(len(texts), dtype=object)
    array[:] = [text.encode() for text in texts]
    shape = signature.input(embedding.input).shape
    return Batch(
        embedding, (Tensor(embedding.input, DATATYPES["BYTES"], array.reshape(shape)),), len(texts)
    )


def batch_tokens(
    embedding: Embedding, signature: Signature, sequences: Sequence[Sequence[int]]
) -> Batch:
    """For a model that takes token ids: each tensor [items, longest], padded on the right.

    The ids must fit into the input's datatype.
    """
    lengths = np.array([len(each) for each in sequences], dtype=np.int64)
    present = np.arange(lengths.max()) < lengths[:, np.newaxis]
    ids = np.full(present.shape, embedding.pad_id, dtype=np.int64)
    ids[present] = np.fromiter(chain.from_iterable(sequences), np.int64, int(lengths.sum()))
    arrays: dict[str, NDArray[Any]] = {embedding.input: ids}
    if embedding.mask is not None:
        arrays[embedding.mask] = present
    if embedding.types is not None:
        arrays[embedding.types] = np.zeros_like(ids)
    tensors = []
    for name, array in arrays.items():
        datatype = signature.input(name).datatype
        tensors.append(Tensor(name, datatype, array.astype(datatype.dtype, copy=False)))
    return Batch(embedding, tuple(tensors), len(sequences), lengths)


def vectors(
    batch: Batch, output: NDArray[Any], dimensions: int | None = None
) -> NDArray[np.float32]:
    """The batch's vectors, float32 [items, size], from the output of its run.

    `dimensions` keeps each one's first, before its length is made 1 where the manifest says so.
    Raises ModelFailed where the run gave not one vector to each item, or one that is not finite.
    """
    rank = 2 if batch.embedding.pooling == "none" else 3
    if output.ndim != rank or len(output) != batch.items:
        raise ModelFailed(
            f"expected a vector for each of {batch.items} items from the model, got the shape "
            f"{shape_text(output.shape)}"
        )
    if output.dtype == bfloat16.BF16:
        output = bfloat16.to_float32(output)
    pooled = _pool(batch, output)[:, :dimensions].astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        if batch.embedding.normalize:
            norms = np.linalg.norm(pooled, axis=1, keepdims=True)
            norms[norms == 0] = 1
            norms[np.isinf(norms)] = np.nan
            pooled /= norms
        single = np.ascontiguousarray(pooled, dtype="<f4")
    if not np.isfinite(single).all():
        (item, *_) = np.flatnonzero(~np.isfinite(single).all(axis=1))
        raise ModelFailed(f"input[{item}]: expected a finite vector from the model, got another")
    return single


def _pool(batch: Batch, output: NDArray[Any]) -> NDArray[Any]:
    if batch.embedding.pooling == "none" or batch.lengths is None:
        return output
    if batch.embedding.pooling == "cls":
        return output[:, 0]
    # By item, which neither copies the output nor reads what the model gives for padding.
    lengths = batch.lengths.tolist()
    means = [
        tokens[:length].mean(axis=0, dtype=np.float64)
        for tokens, length in zip(output, lengths, strict=True)
    ]
    return np.array(means)
