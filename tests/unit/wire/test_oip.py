"""Bodies of the Open Inference Protocol."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import (
    InfermeterError,
    InvalidRequest,
    InvalidTensor,
    MalformedBody,
)
from infermeter.inference import InferenceResult
from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES, Datatype, Tensor
from infermeter.wire import oip
from tests.strategies import assert_same, datatypes, json_values, tensors

ALL = pytest.mark.parametrize("datatype", DATATYPES.values(), ids=DATATYPES)
JSON_FORM, BINARY_FORM = oip.JSON_FORM, oip.BINARY_FORM
Written = tuple[bytes, int | None]


def result(*outputs: Tensor, **more: Any) -> InferenceResult:
    specs = tuple(TensorSpec(each.name, each.datatype, each.shape) for each in outputs)
    return InferenceResult("m", "1", outputs, Signature((), specs, None), **more)


def response(tensor: Tensor, form: oip.OutputForm, **more: Any) -> Written:
    return oip.encode_response(result(tensor, **more), form).written()


def document(**more: object) -> dict:
    item = {"name": "x", "shape": [1], "datatype": "FP32", "data": [1.0]}
    return {"inputs": [item | more]}


def decode(body: object) -> tuple:
    return oip.decode_request(body if isinstance(body, bytes) else orjson.dumps(body))


def as_request(written: Written) -> Written:
    """The response's tensors sent back as a request, as they stand on the wire."""
    content, json_size = written
    head = orjson.loads(content[:json_size])
    request = orjson.dumps({"inputs": head["outputs"]})
    if json_size is None:
        return request, None
    return request + content[json_size:], len(request)


@ALL
@given(data=st.data())
def test_a_json_answer_reads_back(datatype: Datatype, data: st.DataObject) -> None:
    tensor = data.draw(tensors(datatype, text=True))
    request, _ = oip.decode_request(*as_request(response(tensor, JSON_FORM)))
    assert_same(request.inputs[0].array, tensor.array, bitwise=False)


@ALL
@given(data=st.data())
def test_a_binary_answer_reads_back_bit_for_bit(datatype: Datatype, data: st.DataObject) -> None:
    tensor = data.draw(tensors(datatype))
    request, _ = oip.decode_request(*as_request(response(tensor, BINARY_FORM)))
    assert_same(request.inputs[0].array, tensor.array, bitwise=True)


@given(st.data())
def test_a_json_answer_is_strict_json(data: st.DataObject) -> None:
    tensor = data.draw(datatypes.flatmap(lambda each: tensors(each, text=True)))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(response(tensor, JSON_FORM)[0], parse_constant=refuse)


@given(st.lists(st.tuples(datatypes.flatmap(lambda d: tensors(d, text=True)), st.booleans())))
def test_json_and_binary_outputs_mix(several: list[tuple[Tensor, bool]]) -> None:
    outputs = tuple(
        Tensor(str(index), tensor.datatype, tensor.array)
        for index, (tensor, _) in enumerate(several)
    )
    form = oip.OutputForm({str(i): binary for i, (_, binary) in enumerate(several)})
    if not outputs:
        return
    written = oip.encode_response(result(*outputs), form).written()
    request, _ = oip.decode_request(*as_request(written))
    for got, (wanted, binary) in zip(request.inputs, several, strict=True):
        assert_same(got.array, wanted.array, bitwise=binary)


@given(json_values)
def test_any_json_is_a_request_or_an_error_of_the_domain(value: object) -> None:
    try:
        decode(value)
    except InfermeterError:
        return


fields = st.fixed_dictionaries(
    {},
    optional={
        "name": json_values | st.just("x"),
        "datatype": json_values | st.sampled_from(list(DATATYPES)),
        "shape": json_values | st.lists(st.integers(0, 3) | st.integers(0, 2**64 - 1), max_size=4),
        "data": json_values | st.lists(st.integers(0, 1), max_size=4),
        "parameters": json_values
        | st.fixed_dictionaries({"binary_data_size": st.integers(-1, 20)}),
    },
)


@given(
    inputs=st.lists(fields, max_size=2) | json_values,
    outputs=st.none() | st.lists(fields, max_size=2) | json_values,
    tail=st.binary(max_size=20),
    split=st.booleans(),
)
def test_anything_shaped_like_a_request_is_one_or_an_error_of_the_domain(
    inputs: object, outputs: object, tail: bytes, split: bool
) -> None:
    head = orjson.dumps({"inputs": inputs, "outputs": outputs})
    try:
        oip.decode_request(head + tail, len(head) if split else None)
    except InfermeterError:
        return


@given(st.binary(max_size=60), st.none() | st.integers(-9, 99))
def test_any_bytes_are_refused_by_an_error_of_the_domain(body: bytes, length: int | None) -> None:
    with pytest.raises(InfermeterError):
        oip.decode_request(body, length)


@pytest.mark.parametrize("depth", [120, 300, 1000, 250_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    body = b'{"inputs":[' + b"[" * depth + b"]" * depth + b"]}"
    with pytest.raises(InfermeterError):
        decode(body)


@pytest.mark.parametrize(
    "shape", [[2**60, 2**60], [0, 2**63], [0, 2**26, 2**26, 2**26], [1] * 33, [-1], [1.0], [True]]
)
def test_a_shape_that_cannot_be_meant_is_refused(shape: list) -> None:
    with pytest.raises(InvalidTensor, match="'x'"):
        decode(document(shape=shape))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "expected JSON"),
        (b"\xff", "expected JSON"),
        (b'{"inputs":[NaN]}', "expected JSON"),
        (b'{"inputs":[1e999]}', "expected JSON"),
        ([], r"request: expected an object, got \[\]"),
        ({}, "inputs: expected a list, got nothing"),
        ({"inputs": []}, "at least one tensor"),
        ({"inputs": [5]}, r"inputs\[0\]: expected an object, got 5"),
        ({"inputs": [{}]}, r"inputs\[0\].name: expected a string, got nothing"),
        (document(datatype="FP31"), 'expected datatype, one of BOOL.*got "FP31"'),
        (document(datatype=["FP32"]), "expected datatype"),
        (document(shape=None), "expected shape"),
        (document(parameters={"binary_data_size": 4}), "got data and binary_data_size"),
        (document(parameters={"a": None}), r"inputs\[0\].parameters.a"),
        (document() | {"id": 5}, "id: expected a string"),
        (document() | {"id": "x" * 257}, "at most 256"),
        (document() | {"outputs": [{}]}, r"outputs\[0\].name"),
        (document() | {"parameters": {"binary_data_output": 1}}, "expected a boolean, got 1"),
        ({"inputs": [document()["inputs"][0]] * 257}, "at most 256 tensors"),
    ],
)
def test_what_is_wrong_is_named(body: object, message: str) -> None:
    with pytest.raises((InvalidRequest, MalformedBody), match=message):
        decode(body)


def test_data_or_binary_data_is_needed() -> None:
    body = document()
    del body["inputs"][0]["data"]
    with pytest.raises(InvalidTensor, match="got neither"):
        decode(body)


@pytest.mark.parametrize("count", [0, -1, "3", 1.5, True])
def test_a_number_of_classes_is_a_whole_one(count: object) -> None:
    wanted = [{"name": "y", "parameters": {"classification": count}}]
    with pytest.raises(InvalidRequest, match=r"outputs\[0\].parameters.classification"):
        decode(document() | {"outputs": wanted})


@pytest.mark.parametrize("timeout", [-1, "1", 1.5, True])
def test_a_timeout_is_whole_microseconds(timeout: object) -> None:
    with pytest.raises(InvalidRequest, match=r"parameters\.timeout: expected whole microseconds"):
        decode(document() | {"parameters": {"timeout": timeout}})


@pytest.mark.parametrize(("timeout", "seconds"), [(0, None), (1_500_000, 1.5)])
def test_a_timeout_is_told_in_seconds(timeout: int, seconds: float | None) -> None:
    request, _ = decode(document() | {"parameters": {"timeout": timeout}})
    assert request.timeout_s == seconds


@pytest.mark.parametrize("sequence", [7, "a", -1])
def test_a_sequence_is_not_supported(sequence: object) -> None:
    with pytest.raises(InvalidRequest, match="sequence not supported"):
        decode(document() | {"parameters": {"sequence_id": sequence}})


def test_unknown_fields_are_ignored() -> None:
    request, _ = decode(document() | {"model_name": "m", "unheard": [1]})
    assert request.inputs[0].name == "x"


def test_outputs_keep_the_order_asked_for() -> None:
    request, _ = decode(document() | {"outputs": [{"name": "b"}, {"name": "a"}]})
    assert request.outputs == ("b", "a")


def test_the_outputs_own_form_wins_over_the_requests() -> None:
    outputs = [{"name": "a", "parameters": {"binary_data": False}}, {"name": "b"}]
    more = {"outputs": outputs, "parameters": {"binary_data_output": True}}
    _, form = decode(document() | more)
    assert (form.is_binary("a"), form.is_binary("b")) == (False, True)


@pytest.mark.parametrize("given_id", [None, ""])
def test_without_an_id_none_is_answered(given_id: str | None) -> None:
    content, _ = response(Tensor("y", DATATYPES["FP32"], np.zeros(1)), JSON_FORM, id=given_id)
    assert "id" not in orjson.loads(content)


def test_the_json_part_is_measured_in_bytes() -> None:
    tensor = Tensor("y", DATATYPES["FP32"], np.zeros(1, "<f4"))
    content, json_size = response(tensor, BINARY_FORM, id="zażółć")
    assert orjson.loads(content[:json_size])["id"] == "zażółć"
    assert content[json_size:] == bytes(4)


def test_an_answer_names_model_version_and_flat_data() -> None:
    tensor = Tensor("y", DATATYPES["FP32"], np.array([[0.1, 2]], "<f4"))
    assert orjson.loads(response(tensor, JSON_FORM, id="42")[0]) == {
        "model_name": "m",
        "model_version": "1",
        "id": "42",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [0.1, 2.0]}],
    }
