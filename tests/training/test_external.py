"""Weights outside of their graphs, run as they are served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from infermeter.engine.onnx import OnnxRuntime
from infermeter.manifest import MODEL_FILE
from training.external import with_weights_outside

if TYPE_CHECKING:
    from pathlib import Path

SHARED = np.arange(1024, dtype=np.float32)


def graph(bias: float) -> bytes:
    """`y = x + SHARED + bias + 1`: a large weight that is shared, an own one, a small one."""
    weights = {"shared": SHARED, "own": np.full(300, bias, np.float32), "one": np.ones(1)}
    weights["one"] = weights["one"].astype(np.float32)
    nodes = [
        helper.make_node("Add", ["x", "shared"], ["a"]),
        helper.make_node("ReduceMean", ["own"], ["bias"], keepdims=1),
        helper.make_node("Add", ["a", "bias"], ["b"]),
        helper.make_node("Add", ["b", "one"], ["y"]),
    ]
    found = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 1024])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 1024])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(found, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return model.SerializeToString()


def answer(files: dict[str, bytes]) -> np.ndarray:
    model = OnnxRuntime(memory_mb=512).load(files)
    return model.run({"x": np.zeros((1, 1024), np.float32)}, ["y"])[0][0]


def test_a_small_graph_keeps_its_weights() -> None:
    files = {MODEL_FILE: graph(0.5), "tokenizer.json": b"{}"}

    assert with_weights_outside(files) == files


def test_a_large_graphs_weights_lie_beside_it() -> None:
    files = {MODEL_FILE: graph(0.5), "tokenizer.json": b"{}"}

    found = with_weights_outside(files, large=1000)

    assert [*found] == [MODEL_FILE, "tokenizer.json", "model.onnx.data"]
    assert len(found[MODEL_FILE]) < 1000
    assert len(found["model.onnx.data"]) == 4 * (1024 + 300)
    np.testing.assert_array_equal(answer(found), SHARED + 1.5)


@pytest.fixture
def both() -> dict[str, bytes]:
    return with_weights_outside({MODEL_FILE: graph(0.5), "deep/other.onnx": graph(2.5)})


def test_graphs_share_what_they_have_in_common(both: dict[str, bytes]) -> None:
    assert [*both] == [MODEL_FILE, "deep/other.onnx", "deep/other.onnx.data"]
    # Every tensor begins at a multiple of 64 bytes.
    assert 0 <= len(both["deep/other.onnx.data"]) - 4 * (1024 + 300 + 300) < 64
    np.testing.assert_array_equal(answer(both), SHARED + 1.5)


def test_each_graph_is_found_its_weights_as_a_file(both: dict[str, bytes], tmp_path: Path) -> None:
    for path, content in both.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)

    for path, bias in ((MODEL_FILE, 0.5), ("deep/other.onnx", 2.5)):
        model = onnx.load(tmp_path / path)
        np.testing.assert_array_equal(
            answer({MODEL_FILE: model.SerializeToString()}), SHARED + 1 + bias
        )


def test_equal_files_give_equal_files(both: dict[str, bytes]) -> None:
    assert both == with_weights_outside({MODEL_FILE: graph(0.5), "deep/other.onnx": graph(2.5)})
