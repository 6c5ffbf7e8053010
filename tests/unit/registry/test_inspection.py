"""A manifest for a model that brings none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infermeter.engine.onnx import OnnxRuntime
from infermeter.errors import InvalidManifest, VerificationFailed
from infermeter.manifest import Manifest
from infermeter.registry.inspection import EmbeddingWish, inspect, with_embedding
from tests.models import (
    encoder,
    encoder_manifest,
    identity,
    linear,
    manifest_of,
    mixing,
    tokenizer,
)

RUNTIME = OnnxRuntime(memory_mb=512)


def test_the_manifest_says_what_the_graph_says() -> None:
    assert inspect(linear(), "linear", RUNTIME) == manifest_of(linear(), name="linear")


def test_a_manifest_made_here_reads_back() -> None:
    manifest = inspect(linear(), "linear", RUNTIME)
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_rows_that_see_each_other_are_one_request() -> None:
    assert inspect(mixing(), "mixing", RUNTIME).signature.batch_axis is None


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(VerificationFailed, match="could not load"):
        inspect(b"nonsense", "m", RUNTIME)


def test_a_name_that_no_model_may_have_is_refused() -> None:
    with pytest.raises(InvalidManifest):
        inspect(linear(), "a/b", RUNTIME)


def test_a_bare_encoder_gets_what_its_artefact_would_say() -> None:
    bare = inspect(encoder(), "encoder", RUNTIME)
    wish = EmbeddingWish("hidden", tokenizer(), "mean", max_tokens=16)
    assert with_embedding(bare, wish) == encoder_manifest()


def test_without_a_tokenizer_an_encoder_takes_token_ids() -> None:
    bare = inspect(encoder(), "encoder", RUNTIME)
    made = with_embedding(bare, EmbeddingWish("hidden", pooling="cls"))
    assert made.embedding is not None
    assert made.embedding.tokenizer is None
    assert made.files == bare.files


def test_token_types_are_known_by_their_name() -> None:
    bare = inspect(encoder(), "encoder", RUNTIME)
    inputs = bare.signature.inputs
    types = replace(inputs[0], name="token_type_ids")
    signature = replace(bare.signature, inputs=(*inputs, types))
    made = with_embedding(replace(bare, signature=signature), EmbeddingWish("hidden", None, "mean"))
    assert made.embedding is not None
    assert (made.embedding.mask, made.embedding.types) == ("attention_mask", "token_type_ids")


def test_an_input_that_is_alone_may_have_any_name() -> None:
    with pytest.raises(InvalidManifest, match=r"embedding\.input.*got 'x BYTES \[-1,2\]'"):
        with_embedding(inspect(identity("BYTES"), "m", RUNTIME), EmbeddingWish("y"))


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (EmbeddingWish("nope"), r"embedding\.output"),
        (EmbeddingWish("hidden", pooling="max"), r"embedding\.pooling"),
        (EmbeddingWish("hidden", pooling="mean", max_tokens=0), r"embedding\.max_tokens"),
    ],
)
def test_a_wish_that_the_graph_cannot_grant_is_refused(wish: EmbeddingWish, field: str) -> None:
    with pytest.raises(InvalidManifest, match=field):
        with_embedding(inspect(encoder(), "encoder", RUNTIME), wish)


def test_a_tokenizer_that_is_none_is_refused() -> None:
    bare = inspect(encoder(), "encoder", RUNTIME)
    with pytest.raises(VerificationFailed, match="tokenizer could not be loaded"):
        with_embedding(bare, EmbeddingWish("hidden", b"nonsense", "mean"))
