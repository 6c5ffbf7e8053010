"""onnxruntime behind the runtime protocol."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

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


def test_what_the_model_cannot_compute_is_its_failure() -> None:
    with pytest.raises(ModelFailed, match="could not compute"):
        load(linear()).run({"x": np.zeros((1, 4), "f4")}, ["y"])


def test_bytes_that_are_not_text_are_the_callers_fault() -> None:
    with pytest.raises(InvalidTensor, match="'x': expected text in UTF-8"):
        load(identity("BYTES")).run({"x": np.array([[b"a", b"\xff"]], dtype=object)}, ["y"])


@pytest.mark.parametrize(("memory_mb", "threads"), [(128, 1), (1769, 1), (3538, 2), (10240, 5)])
def test_threads_are_the_processors_that_memory_buys(memory_mb: int, threads: int) -> None:
    assert OnnxRuntime(memory_mb).threads == threads
