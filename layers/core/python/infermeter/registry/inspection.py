"""A manifest for a model that brings none: what its graph itself says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infermeter.embedding import Embedding
from infermeter.engine.stacking import keeps_rows_apart
from infermeter.engine.tokenizer import Tokenizer
from infermeter.errors import ModelUnavailable, VerificationFailed
from infermeter.manifest import MODEL_FILE, Manifest, ModelFile, check_model_name

if TYPE_CHECKING:
    from infermeter.engine.runtime import Runtime

TOKENIZER_FILE = "tokenizer.json"
# The names that exporters of Hugging Face's models give.
_IDS, _MASK, _TYPES = "input_ids", "attention_mask", "token_type_ids"


@dataclass(frozen=True, slots=True)
class EmbeddingWish:
    """What a graph does not say of how it embeds. `tokenizer` is the content of that file."""

    output: str
    tokenizer: bytes | None = None
    pooling: str = "none"
    max_tokens: int = 512


def inspect(content: bytes, name: str, runtime: Runtime) -> Manifest:
    """The manifest of a bare ONNX model; it has no gate and no golden answers.

    Rows are counted on axis 0 where every input and output leaves it open and rows do not see
    each other. Raises VerificationFailed for a model that does not load.
    """
    try:
        loaded = runtime.load({MODEL_FILE: content})
    except ModelUnavailable as error:
        raise VerificationFailed(str(error)) from error
    signature = loaded.signature
    if not keeps_rows_apart(loaded, signature):
        signature = replace(signature, batch_axis=None)
    return Manifest(check_model_name(name), signature, (_file(MODEL_FILE, content),))


def with_embedding(manifest: Manifest, wish: EmbeddingWish) -> Manifest:
    """The manifest of a model that embeds; the tokenizer becomes one of its files.

    Its inputs are known by the names `input_ids`, `attention_mask` and `token_type_ids`; one alone
    may have any. Raises InvalidManifest where they or the output are of another kind,
    VerificationFailed for a tokenizer that does not load.
    """
    names = [spec.name for spec in manifest.signature.inputs]
    several = len(names) > 1
    files, pad_id = manifest.files, 0
    if wish.tokenizer is not None:
        files = (*files, _file(TOKENIZER_FILE, wish.tokenizer))
        try:
            pad_id = Tokenizer(wish.tokenizer).pad_id
        except ModelUnavailable as error:
            raise VerificationFailed(str(error)) from error
    embedding = Embedding(
        output=wish.output,
        input=_IDS if several else names[0],
        mask=_MASK if several and _MASK in names else None,
        types=_TYPES if several and _TYPES in names else None,
        tokenizer=None if wish.tokenizer is None else TOKENIZER_FILE,
        pooling=wish.pooling,
        max_tokens=wish.max_tokens,
        pad_id=pad_id,
    )
    made = replace(manifest, files=files, embedding=embedding)
    return Manifest.from_json(made.to_json())


def _file(path: str, content: bytes) -> ModelFile:
    return ModelFile(path, len(content), hashlib.sha256(content).hexdigest())
