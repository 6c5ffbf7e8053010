"""The folder that generation starts from: a graph with a cache, the tokenizer, what reads them.

`genai_config.json` is what onnxruntime-genai loads the folder by; tokenizer and
`tokenizer_config.json` are as Hugging Face has them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES
from training.companions import Companion
from training.data.streams.tokenizer import END, END_ID
from training.families.decoder.served import Generator
from training.served import Served

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from training.families.decoder.network import DecoderNetwork
    from training.recipe import Recipe

FOLDER = "generation"
GRAPH = "model.onnx"
OPSET = 23
IDS, MASK, LOGITS = "input_ids", "attention_mask", "logits"
PAST, PRESENT = "past_key_values", "present"
PARTS = ("key", "value")
# Past and present tokens of the rows that the graph is compared on.
COMPARED_PAST, COMPARED_PRESENT = 5, 3


def package_files(
    recipe: Recipe, network: DecoderNetwork, tokenizer: Tokenizer
) -> dict[str, bytes]:
    """All but the graph, by path."""
    documents = {
        "genai_config.json": _generation_config(recipe, network),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            **{f"{role}_token": END for role in ("bos", "eos", "pad")},
            "clean_up_tokenization_spaces": False,
            "model_max_length": recipe.data.context,
        },
    }
    files = {name: json.dumps(document, indent=2).encode() for name, document in documents.items()}
    files["tokenizer.json"] = tokenizer.to_str(pretty=True).encode()
    return {f"{FOLDER}/{name}": content for name, content in files.items()}


def generator(recipe: Recipe, network: DecoderNetwork) -> Companion:
    """`input_ids` INT64 [-1, -1], `attention_mask` INT64 [-1, -1] of past and present, and
    `past_key_values.<layer>.<key or value>` FP32 [-1, kv_heads, -1, head width] to `logits` FP32
    [-1, -1, vocabulary] and `present.<layer>.<key or value>`."""
    settings = recipe.network
    fp32, int64 = DATATYPES["FP32"], DATATYPES["INT64"]
    cache = (-1, settings.kv_heads, -1, settings.width // settings.heads)

    def caches(prefix: str) -> tuple[TensorSpec, ...]:
        return tuple(
            TensorSpec(f"{prefix}.{layer}.{part}", fp32, cache)
            for layer in range(settings.layers)
            for part in PARTS
        )

    inputs = (TensorSpec(IDS, int64, (-1, -1)), TensorSpec(MASK, int64, (-1, -1)), *caches(PAST))
    vocabulary = network.model.embed_tokens.num_embeddings
    outputs = (TensorSpec(LOGITS, fp32, (-1, -1, vocabulary)), *caches(PRESENT))
    served = Served(
        module=Generator(network),
        signature=Signature(inputs, outputs),
        judged=LOGITS,
        preprocessing="",
        axes={
            IDS: {1: "tokens"},
            MASK: {1: "past_and_tokens"},
            **{spec.name: {2: "past"} for spec in inputs[2:]},
        },
        opset=OPSET,
    )
    return Companion(served, lambda rows: _example(inputs, vocabulary, rows))


def _example(inputs: tuple[TensorSpec, ...], vocabulary: int, rows: int) -> dict[str, NDArray[Any]]:
    """Random tokens after a random cache, the first token of every third row being padding."""
    random = np.random.default_rng(rows)
    mask = np.ones((rows, COMPARED_PAST + COMPARED_PRESENT), np.int64)
    mask[1::3, 0] = 0
    ids = random.integers(0, vocabulary, (rows, COMPARED_PRESENT))
    found: dict[str, NDArray[Any]] = {IDS: ids, MASK: mask}
    for spec in inputs[2:]:
        _, heads, _, width = spec.shape
        found[spec.name] = random.standard_normal((rows, heads, COMPARED_PAST, width), np.float32)
    return found


def _generation_config(recipe: Recipe, network: DecoderNetwork) -> dict[str, Any]:
    settings, context = recipe.network, recipe.data.context
    decoder: Mapping[str, Any] = {
        "session_options": {"provider_options": []},
        "filename": GRAPH,
        "head_size": settings.width // settings.heads,
        "hidden_size": settings.width,
        "num_attention_heads": settings.heads,
        "num_hidden_layers": settings.layers,
        "num_key_value_heads": settings.kv_heads,
        "inputs": {
            "input_ids": IDS,
            "attention_mask": MASK,
            **{f"past_{part}_names": f"{PAST}.%d.{part}" for part in PARTS},
        },
        "outputs": {
            "logits": LOGITS,
            **{f"present_{part}_names": f"{PRESENT}.%d.{part}" for part in PARTS},
        },
    }
    return {
        "model": {
            "type": "llama",
            **{f"{role}_token_id": END_ID for role in ("bos", "eos", "pad")},
            "vocab_size": network.model.embed_tokens.num_embeddings,
            "context_length": context,
            "decoder": decoder,
        },
        # The cache grows: it is not a buffer of the greatest length that both sides share.
        "search": {
            "do_sample": False,
            "max_length": context,
            "num_beams": 1,
            "past_present_share_buffer": False,
        },
    }
