"""The fixture that embeds: a token is a byte, its vector a row of a table; the mean is a text's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .layout import lay_out, serialized

if TYPE_CHECKING:
    from pathlib import Path

NAME = "contract-embedder"
TOKENS, WIDTH = 256, 8
TOKENIZER = "tokenizer.json"

CONFIG = f"""name: "{NAME}"
platform: "onnxruntime_onnx"
max_batch_size: 64
input [{{name: "input_ids" data_type: TYPE_INT64 dims: [-1]}}]
output [{{name: "vectors" data_type: TYPE_FP32 dims: [-1, {WIDTH}]}}]
"""
MANIFEST: dict[str, Any] = {
    "batch_axis": 0,
    "inputs": [{"name": "input_ids", "datatype": "INT64", "shape": [-1, -1]}],
    "outputs": [{"name": "vectors", "datatype": "FP32", "shape": [-1, -1, WIDTH]}],
    "embedding": {
        "input": "input_ids",
        "output": "vectors",
        "tokenizer": TOKENIZER,
        "pooling": "mean",
    },
}


def model() -> bytes:
    """`vectors = TABLE[input_ids]`: INT64 [-1,-1] to FP32 [-1,-1,8]."""
    table = np.random.default_rng(0).standard_normal((TOKENS, WIDTH)).astype(np.float32)
    given = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["n", "tokens"])
    back = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", "tokens", WIDTH])
    node = helper.make_node("Gather", ["table", "input_ids"], ["vectors"])
    weights = [numpy_helper.from_array(table, "table")]
    graph = helper.make_graph([node], NAME, [given], [back], weights)
    return serialized(graph)


def tokenizer() -> bytes:
    """A file of the `tokenizers` library: byte-level BPE that merges nothing."""
    # GPT-2's bytes as characters: those that print as they are, the others from 256 on.
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(TOKENS) if byte not in plain]
    characters = {byte: chr(byte) for byte in plain}
    characters |= {byte: chr(TOKENS + index) for index, byte in enumerate(others)}
    document: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": True,
            "use_regex": False,
        },
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "BPE",
            "vocab": {characters[byte]: byte for byte in range(TOKENS)},
            "merges": [],
        },
    }
    return json.dumps(document).encode()


def write(folder: Path) -> Path:
    """Writes the model below the folder; where it lies."""
    beside = {TOKENIZER: tokenizer()}
    return lay_out(folder / NAME, model(), config=CONFIG, manifest=MANIFEST, beside=beside)
