"""Embedding: its description, tokens to tensors, outputs to vectors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter import bfloat16
from infermeter.embedding import (
    Batch,
    Embedding,
    batch_texts,
    batch_tokens,
    count_tokens,
    vectors,
)
from infermeter.engine.onnx import OnnxRuntime
from infermeter.errors import InvalidManifest, ModelFailed
from infermeter.manifest import MODEL_FILE, Manifest
from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES
from tests.models import TABLE, WORDS, encoder, encoder_manifest, linear_manifest

GOOD: dict[str, Any] = orjson.loads(encoder_manifest().to_json())
MODEL = OnnxRuntime(memory_mb=512).load({MODEL_FILE: encoder()})
MANIFEST = encoder_manifest()
EMBEDDING = MANIFEST.embedding or Embedding("")
TEXT_INPUT = {"name": "text", "datatype": "BYTES", "shape": [-1]}
POOLED = {"name": "v", "datatype": "FP16", "shape": [-1, 4]}

sequences = st.lists(
    st.lists(st.integers(0, len(WORDS) - 1), min_size=1, max_size=6), min_size=1, max_size=5
)


def parse(changes: dict[str, Any] | None = None, **embedding: object) -> Manifest:
    document = GOOD | (changes or {})
    return Manifest.from_json(orjson.dumps(document | {"embedding": GOOD["embedding"] | embedding}))


def embed(embedding: Embedding, ids: list[list[int]], dimensions: int | None = None) -> np.ndarray:
    batch = batch_tokens(embedding, MANIFEST.signature, ids)
    inputs = {tensor.name: tensor.array for tensor in batch.tensors}
    (output,) = MODEL.run(inputs, [embedding.output])
    return vectors(batch, output, dimensions)


@pytest.mark.parametrize(
    ("mask", "tokens"),
    [
        ([[1, 1, 1], [1, 1, 1]], 6),
        ([[1, 1, 0], [1, 0, 0]], 3),
        # Broadcast by the graph: all are attended to.
        ([[1], [1]], 6),
        # The same for each, which a softmax takes as none masked.
        ([[0, 0, 0], [1, 1, 0]], 5),
    ],
)
def test_no_mask_of_the_callers_hides_what_is_computed(mask: list[list[int]], tokens: int) -> None:
    ids = np.array([[1, 2, 3], [4, 5, 6]])
    inputs = {"input_ids": ids, "attention_mask": np.array(mask)}
    assert count_tokens(EMBEDDING, inputs) == tokens


def test_tokens_are_counted_by_the_ids_where_there_is_no_mask_and_not_of_texts() -> None:
    embedding, texts = Embedding("hidden"), np.array([b"a"], dtype=object)
    assert count_tokens(embedding, {"input_ids": np.zeros((2, 3), np.int64)}) == 6
    assert count_tokens(embedding, {"input_ids": texts}) == 0


def test_an_embedding_reads_back() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST


def test_without_one_a_manifest_has_the_bytes_that_it_had() -> None:
    assert b"embedding" not in linear_manifest().to_json()


def test_what_is_left_out_is_usual() -> None:
    least = {"output": "v", "input": "text"}
    text = {"inputs": [TEXT_INPUT], "outputs": [POOLED], "embedding": least}
    embedding = Manifest.from_json(orjson.dumps(GOOD | text)).embedding
    assert embedding == Embedding("v", "text")


@pytest.mark.parametrize(
    ("changes", "embedding", "field"),
    [
        ({}, {"output": "nope"}, r"embedding\.output"),
        ({}, {"output": 5}, r"embedding\.output"),
        ({}, {"input": "nope"}, r"embedding\.input"),
        ({}, {"mask": "nope"}, r"embedding\.mask"),
        ({}, {"types": "nope"}, r"embedding\.types"),
        ({}, {"mask": None}, "embedding': expected each of the inputs"),
        ({}, {"mask": "input_ids"}, "embedding': expected each of the inputs"),
        ({}, {"types": "input_ids"}, "embedding': expected each of the inputs"),
        ({}, {"tokenizer": "other.json"}, r"embedding\.tokenizer"),
        ({}, {"tokenizer": 5}, r"embedding\.tokenizer"),
        ({}, {"pooling": "max"}, r"embedding\.pooling"),
        ({}, {"pooling": "none"}, r"embedding\.output.*\[-1,N\]"),
        ({}, {"normalize": 1}, r"embedding\.normalize"),
        ({}, {"max_tokens": 0}, r"embedding\.max_tokens"),
        ({}, {"max_tokens": True}, r"embedding\.max_tokens"),
        ({}, {"pad_id": -1}, r"embedding\.pad_id"),
        ({}, {"pad_id": 2**31}, r"embedding\.pad_id"),
        ({"batch_axis": None}, {}, "batch_axis 0"),
        ({"batch_axis": 1}, {}, "batch_axis 0"),
        ({"outputs": [{"name": "hidden", "datatype": "INT64", "shape": [-1, -1, 4]}]}, {}, "float"),
        ({"outputs": [{"name": "hidden", "datatype": "FP32", "shape": [-1, -1, -1]}]}, {}, "known"),
        ({"outputs": [{"name": "hidden", "datatype": "FP32", "shape": [-1, 4]}]}, {}, "known"),
        (
            {"inputs": [GOOD["inputs"][0], GOOD["inputs"][1] | {"datatype": "FP32"}]},
            {},
            r"embedding\.mask.*INT32 or INT64",
        ),
        (
            {"inputs": [GOOD["inputs"][0] | {"shape": [-1, 8]}, GOOD["inputs"][1]]},
            {},
            r"embedding\.input.*or of BYTES",
        ),
        (
            {"inputs": [TEXT_INPUT], "outputs": [POOLED]},
            {"input": "text", "mask": None, "output": "v", "pooling": "none"},
            "neither tokenizer nor pooling",
        ),
        (
            {"inputs": [TEXT_INPUT | {"shape": [-1, 2]}], "outputs": [POOLED]},
            {"input": "text", "mask": None, "output": "v", "tokenizer": None, "pooling": "none"},
            r"embedding\.input.*BYTES \[-1\]",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(
    changes: dict[str, Any], embedding: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidManifest, match=field):
        parse(changes, **embedding)


def test_sequences_are_padded_to_the_longest_and_masked() -> None:
    batch = batch_tokens(replace(EMBEDDING, pad_id=9), MANIFEST.signature, [[4], [5, 6, 7]])
    ids, mask = (tensor.array for tensor in batch.tensors)
    np.testing.assert_array_equal(ids, [[4, 9, 9], [5, 6, 7]])
    np.testing.assert_array_equal(mask, [[1, 0, 0], [1, 1, 1]])
    assert (ids.dtype, mask.dtype, batch.tokens) == (np.int64, np.int64, 4)


def test_types_are_zeros_and_each_tensor_has_its_inputs_datatype() -> None:
    int32 = DATATYPES["INT32"]
    names = ("ids", "mask", "types")
    signature = Signature(tuple(TensorSpec(name, int32, (-1, -1)) for name in names), ())
    batch = batch_tokens(Embedding("v", *names), signature, [[4, 5], [6]])
    assert [tensor.array.dtype for tensor in batch.tensors] == [np.int32] * 3
    np.testing.assert_array_equal(batch.tensors[2].array, [[0, 0], [0, 0]])


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_texts_go_in_as_they_are(shape: tuple[int, ...]) -> None:
    signature = Signature((TensorSpec("text", DATATYPES["BYTES"], shape),), ())
    batch = batch_texts(Embedding("v", "text"), signature, ["a", "żółć"])
    (tensor,) = batch.tensors
    assert tensor.shape == (2, 1)[: len(shape)]
    assert tensor.array.reshape(-1).tolist() == [b"a", "żółć".encode()]
    assert batch.tokens == 0


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@given(ids=sequences)
def test_a_batch_gives_each_text_what_it_gets_alone(pooling: str, ids: list[list[int]]) -> None:
    embedding = replace(EMBEDDING, pooling=pooling)
    together = embed(embedding, ids)
    alone = np.concatenate([embed(embedding, [each]) for each in ids])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_mean_is_over_tokens_alone() -> None:
    embedding = replace(EMBEDDING, normalize=False)
    short, _ = embed(embedding, [[4, 5], [6, 7, 8, 9]])
    # The graph adds the mean to each token, and pooling averages.
    np.testing.assert_allclose(short, 2 * TABLE[[4, 5]].mean(axis=0), rtol=1e-5)


def test_what_a_model_gives_for_padding_is_not_read() -> None:
    output = np.array([[[1.0, 2.0], [np.nan, np.inf]]], "<f4")
    batch = Batch(replace(EMBEDDING, normalize=False), (), 1, np.array([1]))
    np.testing.assert_array_equal(vectors(batch, output), [[1, 2]])


@given(st.integers(1, 4))
def test_dimensions_keep_the_first_with_length_one(dimensions: int) -> None:
    whole = embed(replace(EMBEDDING, normalize=False), [[4, 5, 6]])[0]
    (short,) = embed(EMBEDDING, [[4, 5, 6]], dimensions)
    wanted = whole[:dimensions] / np.linalg.norm(whole[:dimensions])
    np.testing.assert_allclose(short, wanted, rtol=1e-5)


def test_a_vector_of_zeros_stays_one() -> None:
    batch = Batch(Embedding("v"), (), 1)
    np.testing.assert_array_equal(vectors(batch, np.zeros((1, 3), "<f4")), [[0, 0, 0]])


def test_the_largest_floats_have_a_length() -> None:
    batch = Batch(Embedding("v"), (), 1)
    huge = np.full((1, 4), np.finfo("<f4").max, "<f4")
    np.testing.assert_allclose(vectors(batch, huge), [[0.5, 0.5, 0.5, 0.5]])


@pytest.mark.parametrize(
    "output",
    [
        np.array([[3, 4]], "<f2"),
        np.array([[3, 4]], "<f8"),
        bfloat16.from_floats(np.array([[3, 4]], "<f4")),
    ],
    ids=lambda output: str(output.dtype),
)
def test_any_floats_become_float32(output: np.ndarray) -> None:
    found = vectors(Batch(Embedding("v"), (), 1), output)
    assert found.dtype == np.dtype("<f4")
    np.testing.assert_allclose(found, [[0.6, 0.8]], rtol=1e-6)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_vector_that_no_client_could_read_is_refused(value: float, normalize: bool) -> None:
    output = np.array([[1.0], [value]])
    with pytest.raises(ModelFailed, match=r"input\[1\]"):
        vectors(Batch(Embedding("v", normalize=normalize), (), 2), output)


@pytest.mark.parametrize("shape", [(1, 4), (3, 4), (2, 1, 4), (2,)])
def test_a_model_that_does_not_give_each_item_a_vector_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelFailed, match=r"each of 2 items .*, got the shape \["):
        vectors(Batch(Embedding("v"), (), 2), np.ones(shape))
