"""Fewer bits: what each method touches, what it leaves, and how far the answers move."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from tests.training.compression import nets
from training.compression.quantization import quantize
from training.errors import CompressionFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

METHODS = ("dynamic_int8", "static_int8", "weight_only_int8", "weight_only_int4")


def batches(rows: int = 32, seed: int = 1) -> Iterable[dict[str, np.ndarray]]:
    return ({"values": nets.pictures(rows, seed + number)} for number in range(3))


def id_batches() -> Iterable[dict[str, np.ndarray]]:
    return ({"values": nets.sentences(32, number)} for number in range(1, 4))


def moved(model: onnx.ModelProto, other: onnx.ModelProto, values: np.ndarray) -> float:
    """The root of the mean square of the answers' difference, to that of the answers."""
    ours, theirs = nets.run(model, values), nets.run(other, values)
    return float(np.sqrt(np.square(ours - theirs).mean() / np.square(ours).mean()))


def kinds(model: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in model.graph.node}


def types(model: onnx.ModelProto) -> dict[str, int]:
    return {tensor.name: tensor.data_type for tensor in model.graph.initializer}


@pytest.mark.parametrize(
    ("method", "most"),
    [
        ("dynamic_int8", 0.05),
        ("static_int8", 0.05),
        ("weight_only_int8", 0.03),
        ("weight_only_int4", 0.2),
    ],
)
def test_answers_move_a_little_and_attention_stays(sentences: nets.File, method, most: float):
    quantized = quantize(sentences.model, method, id_batches)
    onnx.checker.check_model(quantized)
    assert 0 < moved(sentences.model, quantized, nets.sentences(64)) < most
    assert "Attention" in kinds(quantized)


@pytest.mark.parametrize(
    ("method", "share"),
    [
        ("dynamic_int8", 0.56),
        ("static_int8", 0.56),
        ("weight_only_int8", 0.58),
        ("weight_only_int4", 0.34),
    ],
)
def test_tied_table_becomes_two_of_fewer_bits(tied: nets.File, method, share: float):
    assert quantize(tied.model, method, id_batches).ByteSize() < share * tied.model.ByteSize()


def test_static_reaches_convolutions_with_unsigned_activations(pictures: nets.File):
    quantized = quantize(pictures.model, "static_int8", batches)
    assert 0 < moved(pictures.model, quantized, nets.pictures(64)) < 0.05
    assert "QuantizeLinear" in kinds(quantized)
    found = types(quantized)
    assert found["block.first.weight_quantized"] == onnx.TensorProto.INT8
    scales = next(t for t in quantized.graph.initializer if t.name == "block.first.weight_scale")
    assert list(scales.dims) == [8]
    zeros = [kind for name, kind in found.items() if "relu" in name and "zero_point" in name]
    assert zeros
    assert set(zeros) == {onnx.TensorProto.UINT8}


def test_weights_have_seven_bits_so_that_no_cpu_overflows(pictures: nets.File):
    quantized = quantize(pictures.model, "static_int8", batches)
    tensors = {tensor.name: tensor for tensor in quantized.graph.initializer}
    weights = onnx.numpy_helper.to_array(tensors["block.first.weight_quantized"])
    assert 60 < np.abs(weights.astype(int)).max() <= 64


def test_ranges_are_learned_from_what_is_given(pictures: nets.File):
    wide = ({**batch, "values": 100 * batch["values"]} for batch in batches())
    narrow = quantize(pictures.model, "static_int8", batches)
    assert moved(
        pictures.model, quantize(pictures.model, "static_int8", lambda: wide), nets.pictures(64)
    ) > (3 * moved(pictures.model, narrow, nets.pictures(64)))


@pytest.mark.parametrize("method", ["dynamic_int8", "weight_only_int8", "weight_only_int4"])
def test_convolutions_stay_in_float_without_calibration(pictures: nets.File, method):
    quantized = quantize(pictures.model, method, batches)
    assert "ConvInteger" not in kinds(quantized)
    assert types(quantized)["block.first.weight"] == onnx.TensorProto.FLOAT
    assert 0 < moved(pictures.model, quantized, nets.pictures(64)) < 0.2


@pytest.mark.parametrize("method", METHODS)
def test_parts_in_float_stay_so(sentences: nets.File, method):
    left = quantize(sentences.model, method, id_batches, sentences.in_float)
    everything = quantize(sentences.model, method, id_batches)
    assert "words.weight" in types(left)
    assert "words.weight" not in types(everything)
    named = {node.name: node.op_type for node in left.graph.node}
    (product,) = (name for name in sentences.in_float if "MatMul" in name)
    assert named[product] == "MatMul"
    assert left.ByteSize() > everything.ByteSize()


def test_first_convolution_stays_in_float(pictures: nets.File):
    left = quantize(pictures.model, "static_int8", batches, pictures.in_float)
    found = types(left)
    assert found["stem.weight"] == onnx.TensorProto.FLOAT
    assert found["block.first.weight_quantized"] == onnx.TensorProto.INT8
    assert "stem.weight" not in types(quantize(pictures.model, "static_int8", batches))


@pytest.mark.parametrize("method", METHODS)
def test_same_bytes_each_time_and_nothing_said(
    sentences: nets.File, method, caplog: pytest.LogCaptureFixture
):
    level, handlers = logging.getLogger().level, logging.getLogger().handlers[:]
    files = [
        quantize(sentences.model, method, id_batches).SerializeToString(deterministic=True)
        for _ in range(2)
    ]
    assert files[0] == files[1]
    assert caplog.records == []
    assert (logging.getLogger().level, logging.getLogger().handlers) == (level, handlers)


@pytest.mark.parametrize("method", ["static_int8", "weight_only_int8", "weight_only_int4"])
def test_rows_do_not_see_each_other(sentences: nets.File, method):
    quantized = quantize(sentences.model, method, id_batches)
    ids = nets.sentences(8)
    alone = np.concatenate([nets.run(quantized, row[None]) for row in ids])
    np.testing.assert_allclose(alone, nets.run(quantized, ids), atol=1e-5)


def test_rows_see_each_other_where_ranges_are_taken_as_it_runs(sentences: nets.File):
    quantized = quantize(sentences.model, "dynamic_int8", id_batches)
    ids = nets.sentences(8)
    alone = np.concatenate([nets.run(quantized, row[None]) for row in ids])
    assert np.abs(alone - nets.run(quantized, ids)).max() > 1e-4


def test_graph_with_nothing_to_quantize_is_refused():
    node = onnx.helper.make_node("Relu", ["values"], ["answers"])
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [node],
        "plain",
        [onnx.helper.make_tensor_value_info("values", kind, ["batch", 3])],
        [onnx.helper.make_tensor_value_info("answers", kind, ["batch", 3])],
    )
    opset = onnx.helper.make_operatorsetid("", 21)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10)
    for method in METHODS:
        with pytest.raises(CompressionFailed, match=f"with weights for {method}, got none"):
            quantize(model, method, lambda: [{"values": np.ones((2, 3), np.float32)}])


def test_embedding_of_zeros_stays_zero():
    weights = np.random.default_rng(0).normal(size=(20, 32)).astype(np.float32)
    weights[3] = 0
    tensors = onnx.TensorProto
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Gather", ["weights", "values"], ["answers"], "table")],
        "table",
        [onnx.helper.make_tensor_value_info("values", tensors.INT64, ["batch"])],
        [onnx.helper.make_tensor_value_info("answers", tensors.FLOAT, ["batch", 32])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    opset = onnx.helper.make_operatorsetid("", 21)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10)
    for method in METHODS:
        quantized = quantize(model, method, lambda: [{"values": np.arange(9)}])
        found = nets.run(quantized, np.array([3, 4]))
        assert not found[0].any()
        assert 0 < np.abs(found[1] - weights[4]).max() < 0.3


def test_table_that_two_products_share_becomes_one_more():
    tensors, helper = onnx.TensorProto, onnx.helper
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["weights", "values"], ["found"], "table"),
            helper.make_node("Transpose", ["weights"], ["turned"], "turn", perm=[1, 0]),
            helper.make_node("MatMul", ["found", "turned"], ["one"], "product"),
            helper.make_node("Gemm", ["found", "weights"], ["other"], "head", transB=1),
            helper.make_node("Add", ["one", "other"], ["answers"], "sum"),
        ],
        "shared",
        [helper.make_tensor_value_info("values", tensors.INT64, ["batch"])],
        [helper.make_tensor_value_info("answers", tensors.FLOAT, ["batch", 64])],
        [
            onnx.numpy_helper.from_array(
                np.random.default_rng(0).normal(size=(64, 32)).astype(np.float32), "weights"
            )
        ],
    )
    opset = helper.make_operatorsetid("", 21)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    for method in METHODS:
        quantized = quantize(model, method, lambda: [{"values": np.arange(64)}])
        large = [t for t in quantized.graph.initializer if len(t.raw_data) >= 64 * 32 // 2]
        assert len(large) == 2, [tensor.name for tensor in large]
        assert 0 < moved(model, quantized, np.arange(64)) < 0.2
