"""Small ONNX models for tests, built by hand, each with its manifest."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from infermeter.embedding import Embedding
from infermeter.manifest import MANIFEST_FILE, MODEL_FILE, Golden, Manifest, ModelFile
from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = np.arange(6, dtype=np.float32).reshape(3, 2) / 10
BIAS = np.array([0.5, -0.5], dtype=np.float32)

# What the encoder knows: words, one token each, within BERT's own special tokens.
TOKENIZER_FILE = "tokenizer.json"
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "cat", "sat", "on", "a", "mat", "and", "purred")
TABLE = np.random.default_rng(7).standard_normal((len(WORDS), 4)).astype(np.float32)

_ONNX_TYPES = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BF16": TensorProto.BFLOAT16,
    "BYTES": TensorProto.STRING,
}


def linear(bias: np.ndarray = BIAS) -> bytes:
    """`y = x @ WEIGHTS + bias`: FP32 [-1,3] to FP32 [-1,2]."""
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "b"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(WEIGHTS, "w"), numpy_helper.from_array(bias, "b")],
    )
    return _serialized(graph)


def identity(datatype: str) -> bytes:
    """The input given back: any datatype, [-1,2]."""
    onnx_type = _ONNX_TYPES[datatype]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "identity",
        [helper.make_tensor_value_info("x", onnx_type, ["n", 2])],
        [helper.make_tensor_value_info("y", onnx_type, ["n", 2])],
    )
    return _serialized(graph)


def mixing() -> bytes:
    """`y = softmax(x)` down the first axis, FP32 [-1,2]: each row sees all others."""
    graph = helper.make_graph(
        [helper.make_node("Softmax", ["x"], ["y"], axis=0)],
        "mixing",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
    )
    return _serialized(graph)


def encoder() -> bytes:
    """`input_ids`, `attention_mask` INT64 [-1,-1] to `hidden` FP32 [-1,-1,4].

    Each token's row of `TABLE`, plus the mean over its text's unmasked ones: as in attention, what
    one token gets depends on all others of its text, and padding must be masked.
    """
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["embedded"]),
        helper.make_node("Cast", ["attention_mask"], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["weights", "last"], ["column"]),
        helper.make_node("Mul", ["embedded", "column"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted", "middle"], ["total"], keepdims=1),
        helper.make_node("ReduceSum", ["column", "middle"], ["count"], keepdims=1),
        helper.make_node("Div", ["total", "count"], ["mean"]),
        helper.make_node("Add", ["embedded", "mean"], ["hidden"]),
    ]
    ids, mask = (
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "tokens"])
        for name in ("input_ids", "attention_mask")
    )
    hidden = helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["n", "tokens", 4])
    constants = [
        numpy_helper.from_array(TABLE, "table"),
        numpy_helper.from_array(np.array([-1], np.int64), "last"),
        numpy_helper.from_array(np.array([1], np.int64), "middle"),
    ]
    return _serialized(helper.make_graph(nodes, "encoder", [ids, mask], [hidden], constants))


def tokenizer() -> bytes:
    """A `tokenizer.json`: `WORDS` in lower case, as `[CLS] ... [SEP]`; cut and padded, as many are.

    Serving must undo both: a text is never cut silently, and padding is the batch's own.
    """
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import Lowercase
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    made = Tokenizer(WordLevel({word: id for id, word in enumerate(WORDS)}, "[UNK]"))
    made.normalizer, made.pre_tokenizer = Lowercase(), Whitespace()
    made.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.enable_truncation(6)
    made.enable_padding(length=6)
    return made.to_str().encode()


def encoder_manifest(name: str = "encoder", **changes: object) -> Manifest:
    """The encoder's manifest: mean pooling, at most 16 tokens; changes are of its `embedding`."""
    int64, fp32 = DATATYPES["INT64"], DATATYPES["FP32"]
    signature = Signature(
        (TensorSpec("input_ids", int64, (-1, -1)), TensorSpec("attention_mask", int64, (-1, -1))),
        (TensorSpec("hidden", fp32, (-1, -1, 4)),),
        0,
    )
    files = tuple(
        ModelFile(path, len(content), hashlib.sha256(content).hexdigest())
        for path, content in ((MODEL_FILE, encoder()), (TOKENIZER_FILE, tokenizer()))
    )
    embedding = Embedding(
        output="hidden",
        mask="attention_mask",
        tokenizer=TOKENIZER_FILE,
        pooling="mean",
        max_tokens=16,
    )
    return Manifest(name, signature, files, embedding=replace(embedding, **changes))


def text_encoder() -> tuple[bytes, Manifest]:
    """A model that takes text: `text` BYTES [-1] to `vector` FP32 [-1,2], by "a" or not."""
    nodes = [
        helper.make_node(
            "LabelEncoder",
            ["text"],
            ["row"],
            domain="ai.onnx.ml",
            keys_strings=["a"],
            values_int64s=[1],
            default_int64=0,
        ),
        helper.make_node("Gather", ["table", "row"], ["vector"]),
    ]
    graph = helper.make_graph(
        nodes,
        "text-encoder",
        [helper.make_tensor_value_info("text", TensorProto.STRING, ["n"])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(WEIGHTS[1:], "table")],
    )
    model = _serialized(graph)
    signature = Signature(
        (TensorSpec("text", DATATYPES["BYTES"], (-1,)),),
        (TensorSpec("vector", DATATYPES["FP32"], (-1, 2)),),
    )
    file = ModelFile(MODEL_FILE, len(model), hashlib.sha256(model).hexdigest())
    return model, Manifest(
        "text-encoder", signature, (file,), embedding=Embedding("vector", "text")
    )


def write_encoder(folder: Path, manifest: Manifest | None = None) -> Path:
    """The encoder's artefact, its tokenizer included."""
    place = write_artifact(folder, encoder(), manifest or encoder_manifest())
    (place / TOKENIZER_FILE).write_bytes(tokenizer())
    return place


def manifest_of(model: bytes, *, name: str, datatype: str = "FP32", width: int = 3) -> Manifest:
    """A manifest for one of the models above."""
    kind = DATATYPES[datatype]
    signature = Signature(
        (TensorSpec("x", kind, (-1, width)),), (TensorSpec("y", kind, (-1, 2)),), 0
    )
    file = ModelFile(MODEL_FILE, len(model), hashlib.sha256(model).hexdigest())
    return Manifest(name, signature, (file,))


def linear_manifest(name: str = "linear", bias: np.ndarray = BIAS) -> Manifest:
    """The linear model's manifest, with a golden row."""
    row = np.array([[1, 2, 3]], dtype=np.float32)
    golden = Golden({"x": row.tolist()}, {"y": (row @ WEIGHTS + bias).tolist()})
    return replace(manifest_of(linear(bias), name=name), golden=(golden,))


def write_artifact(folder: Path, model: bytes, manifest: Manifest) -> Path:
    """The artefact as a trainer leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(model)
    (folder / MANIFEST_FILE).write_bytes(manifest.to_json())
    return folder


def _serialized(graph: onnx.GraphProto) -> bytes:
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 2)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    onnx.checker.check_model(model)
    return model.SerializeToString()
