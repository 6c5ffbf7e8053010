"""onnxruntime behind the runtime protocol."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

from infermeter import bfloat16
from infermeter.engine.onnx import OnnxModel, OnnxRuntime
from infermeter.errors import InvalidTensor, ModelFailed, ModelUnavailable
from infermeter.manifest import MODEL_FILE
from infermeter.tensors import DATATYPES, Datatype, datatype_of
from tests.models import BIAS, WEIGHTS, identity, linear
from tests.strategies import assert_same, extremes


def load(model: bytes) -> OnnxModel:
    return OnnxRuntime(memory_mb=512).load({MODEL_FILE: model})


def passing(**kinds: int) -> bytes:
    """A graph that gives scalars of these ONNX types back: `x` as `x_out`."""
    names = [(name, f"{name}_out") for name in kinds]
    graph = helper.make_graph(
        [helper.make_node("Identity", [one], [other]) for one, other in names],
        "passing",
        [helper.make_tensor_value_info(name, kind, []) for name, kind in kinds.items()],
        [helper.make_tensor_value_info(f"{name}_out", kind, []) for name, kind in kinds.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return model.SerializeToString()


def outside(path: str) -> tuple[bytes, bytes]:
    """A graph that adds 256 weights, 0 to 255, to `x`, and the file of this path that has them
    after 64 bytes of something else."""
    weights = np.arange(256, dtype="<f4")
    tensor = numpy_helper.from_array(weights, "weights")
    set_external_data(tensor, path, offset=64, length=weights.nbytes)
    tensor.ClearField("raw_data")
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "weights"], ["y"])],
        "outside",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 256])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 256])],
        [tensor],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return model.SerializeToString(), bytes(64) + weights.tobytes()


@pytest.mark.parametrize("datatype", DATATYPES.values(), ids=DATATYPES)
def test_every_datatype_passes_through_unchanged(datatype: Datatype) -> None:
    tensor = extremes(datatype)
    pairs = np.stack([tensor.array, tensor.array[::-1]], 1)
    (got,) = load(identity(datatype.name)).run({"x": pairs}, ["y"])
    assert_same(got, pairs, bitwise=True)
    assert datatype_of(got) is datatype


@pytest.mark.parametrize("datatype", DATATYPES.values(), ids=DATATYPES)
def test_no_rows_give_no_rows(datatype: Datatype) -> None:
    (got,) = load(identity(datatype.name)).run({"x": np.empty((0, 2), datatype.dtype)}, ["y"])
    assert got.shape == (0, 2)


def test_tensors_at_odd_addresses_are_computed_right() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 3)).astype("<f4")
    body = b"x" + rows.tobytes()
    odd = np.frombuffer(memoryview(body)[1:], "<f4").reshape(50, 3)
    (got,) = load(linear()).run({"x": odd}, ["y"])
    np.testing.assert_allclose(got, rows @ WEIGHTS + BIAS, atol=1e-5)


def test_the_signature_is_the_graphs() -> None:
    signature = load(linear()).signature
    assert [(spec.name, spec.datatype.name, spec.shape) for spec in signature.inputs] == [
        ("x", "FP32", (-1, 3))
    ]
    assert [(spec.name, spec.shape) for spec in signature.outputs] == [("y", (-1, 2))]
    assert signature.batch_axis == 0


def test_a_scalar_stays_one_in_bf16() -> None:
    one = bfloat16.from_floats(np.array(1.5))
    (got,) = load(passing(x=TensorProto.BFLOAT16)).run({"x": one}, ["x_out"])
    assert one.shape == got.shape == ()
    assert bfloat16.to_float32(got) == 1.5


def test_text_beside_bf16_is_not_loaded() -> None:
    with pytest.raises(ModelUnavailable, match="BYTES or of BF16, got both"):
        load(passing(x=TensorProto.BFLOAT16, text=TensorProto.STRING))


def test_what_is_no_model_is_not_loaded() -> None:
    with pytest.raises(ModelUnavailable, match="could not load the model"):
        load(b"nonsense")


@pytest.mark.parametrize("path", ["model.onnx.data", "generation/model.onnx.data"])
def test_weights_may_lie_in_another_file(path: str) -> None:
    model, weights = outside(path)
    files = {"tokenizer.json": b"{}", path: weights, MODEL_FILE: model, "empty": b""}
    loaded = OnnxRuntime(memory_mb=512).load(files)
    (got,) = loaded.run({"x": np.ones((2, 256), np.float32)}, ["y"])
    np.testing.assert_array_equal(got, np.tile(np.arange(256) + 1, (2, 1)))


@pytest.mark.parametrize("cut", [0, 100])
def test_weights_that_are_not_whole_are_not_loaded(cut: int) -> None:
    model, weights = outside("model.onnx.data")
    files = {MODEL_FILE: model, "model.onnx.data": weights[:-cut] if cut else b""}
    with pytest.raises(ModelUnavailable, match="onnxruntime could not load the model"):
        OnnxRuntime(memory_mb=512).load(files)


def test_weights_that_were_not_published_are_not_loaded() -> None:
    model, _ = outside("model.onnx.data")
    with pytest.raises(ModelUnavailable, match=r"external data|External data"):
        load(model)


def test_what_the_model_cannot_compute_is_its_failure() -> None:
    with pytest.raises(ModelFailed, match="could not compute"):
        load(linear()).run({"x": np.zeros((1, 4), "f4")}, ["y"])


def test_bytes_that_are_not_text_are_the_callers_fault() -> None:
    with pytest.raises(InvalidTensor, match="'x': expected text in UTF-8"):
        load(identity("BYTES")).run({"x": np.array([[b"a", b"\xff"]], dtype=object)}, ["y"])


@pytest.mark.parametrize(("memory_mb", "threads"), [(128, 1), (1769, 1), (3538, 2), (10240, 5)])
def test_threads_are_the_processors_that_memory_buys(memory_mb: int, threads: int) -> None:
    assert OnnxRuntime(memory_mb).threads == threads
