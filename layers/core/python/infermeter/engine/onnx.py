"""onnxruntime behind the runtime protocol."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from infermeter.bfloat16 import BF16
from infermeter.errors import InvalidTensor, ModelFailed, ModelUnavailable
from infermeter.manifest import MODEL_FILE
from infermeter.signature import VARIABLE, Signature, TensorSpec
from infermeter.tensors import DATATYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

# Lambda gives one vCPU per this much memory.
MB_PER_CPU = 1769
_ERRORS_ONLY = 3
# TensorProto.DataType of onnx.proto
_ONNX_BFLOAT16 = 16

_DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(bfloat16)": "BF16",
    "tensor(string)": "BYTES",
}


class OnnxModel:
    """A session; text goes in as `str` and comes out as `bytes`, as BYTES tensors hold them."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        inputs = tuple(_spec(node) for node in session.get_inputs())
        outputs = tuple(_spec(node) for node in session.get_outputs())
        rows = all(spec.shape[:1] == (VARIABLE,) for spec in (*inputs, *outputs))
        self.signature = Signature(inputs, outputs, 0 if rows else None)
        kinds = {spec.datatype.kind for spec in (*inputs, *outputs)}
        self._has_text, self._has_bf16 = "O" in kinds, "V" in kinds
        if self._has_text and self._has_bf16:
            # onnxruntime takes BF16 from Python in values of its own alone, and no text in those.
            raise ModelUnavailable("expected tensors of BYTES or of BF16, got both: cast to FP32")

    def run(self, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """The named outputs, in that order.

        Raises ModelFailed when onnxruntime does, InvalidTensor for BYTES that are not UTF-8.
        """
        feed: Mapping[str, Any] = inputs
        if self._has_text:
            feed = {name: _text(name, array) for name, array in inputs.items()}
        try:
            results = self._run(feed, list(outputs))
        except Exception as error:  # onnxruntime raises a class of its own for each status
            raise ModelFailed(
                f"the model could not compute these inputs: {_brief(error)}"
            ) from error
        return [_bytes(array) for array in results] if self._has_text else results

    def _run(self, feed: Mapping[str, NDArray[Any]], outputs: list[str]) -> list[NDArray[Any]]:
        if not self._has_bf16:
            results: list[NDArray[Any]] = self._session.run(outputs, feed)
            return results
        values = {name: _ort_value(array) for name, array in feed.items()}
        return [_array(value) for value in self._session.run_with_ort_values(outputs, values)]


class OnnxRuntime:
    """Loads ONNX models, with as many threads as the function's memory buys processors."""

    def __init__(self, memory_mb: int) -> None:
        self.threads = max(1, memory_mb // MB_PER_CPU)

    def load(self, files: Mapping[str, bytes]) -> OnnxModel:
        """A session from `model.onnx`, whose weights may lie in others of the files, by their
        paths; ModelUnavailable when onnxruntime refuses it."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        # Spinning threads steal the fraction of a processor that a small function has.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        others = {path: content for path, content in files.items() if path != MODEL_FILE}
        try:
            if others:
                # From memory: nothing of a model is ever a file here. Those that the graph does
                # not name are not looked at.
                options.add_external_initializers_from_files_in_memory(
                    list(others), list(others.values()), [len(each) for each in others.values()]
                )
            session = onnxruntime.InferenceSession(
                files[MODEL_FILE], options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # as above
            raise ModelUnavailable(
                f"onnxruntime could not load the model: {_brief(error)}"
            ) from error
        return OnnxModel(session)


def _spec(node: onnxruntime.NodeArg) -> TensorSpec:
    datatype = _DATATYPES.get(node.type)
    if datatype is None:
        raise ModelUnavailable(
            f"'{node.name}': expected a tensor of a type that the wire carries, got {node.type}; "
            "export without it (for scikit-learn: zipmap=False)"
        )
    shape = tuple(size if isinstance(size, int) else VARIABLE for size in node.shape)
    return TensorSpec(node.name, DATATYPES[datatype], shape)


def _ort_value(array: NDArray[Any]) -> onnxruntime.OrtValue:
    if array.dtype != BF16:
        return onnxruntime.OrtValue.ortvalue_from_numpy(array)
    # numpy makes a vector of a scalar that is to be contiguous.
    bits = np.ascontiguousarray(array).reshape(array.shape).view("<u2")
    return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, _ONNX_BFLOAT16)


def _array(value: onnxruntime.OrtValue) -> NDArray[Any]:
    if value.data_type() != "tensor(bfloat16)":
        array: NDArray[Any] = value.numpy()
        return array
    # onnxruntime gives BF16 to numpy in no other way than by its address; copied, as it owns it.
    size = value.tensor_size_in_bytes()
    raw = ctypes.string_at(value.data_ptr(), size) if size else b""
    return np.frombuffer(raw, BF16).reshape(value.shape())


def _text(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind != "O":
        return array
    try:
        texts = [value.decode() for value in array.reshape(-1).tolist()]
    except UnicodeDecodeError as error:
        raise InvalidTensor(name, expected="text in UTF-8", got=error.reason) from None
    return np.array(texts, dtype=object).reshape(array.shape)


def _bytes(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind != "O":
        return array
    values = np.empty(array.size, dtype=object)
    values[:] = [value.encode() for value in array.reshape(-1).tolist()]
    return values.reshape(array.shape)


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
