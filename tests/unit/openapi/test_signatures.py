"""A model's own schemas and example."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings

from infermeter.manifest import Golden, Manifest
from infermeter.openapi.examples import MAX_ELEMENTS, example_request
from infermeter.openapi.signatures import signature_text
from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES
from infermeter.wire.oip import decode_request
from tests.models import linear_manifest
from tests.unit.openapi.documents import manifests, named, written

LINEAR = linear_manifest()
REQUEST = named(written(LINEAR), "linear.Request")
RESPONSE = named(written(LINEAR), "linear.Response")
X = {"name": "x", "datatype": "FP32", "shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}
Y: dict[str, Any] = {"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [0.5, "NaN"]}


@given(manifests())
@settings(max_examples=50, deadline=None)
def test_the_example_fits_the_schema_and_the_signature(manifest: Manifest) -> None:
    example = example_request(manifest)
    assert example is not None
    sent = orjson.dumps(example)
    assert named(written(manifest), "any.Request").is_valid(json.loads(sent))
    request, _ = decode_request(sent)
    checked = manifest.signature.check_inputs(request.inputs)
    assert manifest.signature.rows(checked) == 1


@pytest.mark.parametrize(
    "tensor",
    [
        X,
        X | {"data": [[1, 2, 3], [4, 5, 6]]},
        X | {"data": [1, 2, 3, 4, None, "-Infinity"]},
        {**X, "parameters": {"binary_data_size": 24}},
    ],
)
def test_what_the_model_takes_is_valid(tensor: dict[str, Any]) -> None:
    outputs = [{"name": "y", "parameters": {"classification": 1, "binary_data": False}}]
    assert REQUEST.is_valid({"inputs": [tensor]})
    assert REQUEST.is_valid({"inputs": [tensor], "outputs": outputs, "id": "1"})


@pytest.mark.parametrize(
    "change",
    [
        {"name": "z"},
        {"datatype": "FP64"},
        {"shape": [2, 4]},
        {"data": [[1, 2]]},
        {"data": ["text"]},
        {"data": [1e39]},
    ],
)
def test_what_the_model_refuses_is_not_valid(change: dict[str, Any]) -> None:
    assert not REQUEST.is_valid({"inputs": [X | change]})


@pytest.mark.parametrize(
    "body", [{}, {"inputs": []}, {"inputs": [X, X]}, {"inputs": [X], "outputs": [{"name": "z"}]}]
)
def test_a_body_that_the_model_refuses_is_not_valid(body: dict[str, Any]) -> None:
    assert not REQUEST.is_valid(body)


def test_answers_name_the_model_and_its_outputs() -> None:
    answer = {"model_name": "linear", "model_version": "1", "outputs": [Y]}
    classes = {"name": "y", "datatype": "BYTES", "shape": [1, 1], "data": ["0.500000:0"]}
    assert RESPONSE.is_valid(answer)
    assert RESPONSE.is_valid(answer | {"outputs": [classes]})
    assert not RESPONSE.is_valid(answer | {"model_name": "other"})
    assert not RESPONSE.is_valid(answer | {"outputs": [Y | {"shape": [1, 3]}]})


def test_the_example_is_one_row_of_the_golden_inputs() -> None:
    golden = Golden({"x": [[1.5, 2, 3], [4, 5, 6]]}, {})
    assert example_request(replace(LINEAR, golden=(golden,))) == {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [1.5, 2, 3]}]
    }


def test_a_row_that_is_too_large_has_no_example() -> None:
    def manifest(width: int) -> Manifest:
        spec = TensorSpec("x", DATATYPES["FP32"], (-1, width))
        return replace(LINEAR, signature=Signature((spec,), (spec,)), golden=())

    assert example_request(manifest(MAX_ELEMENTS)) is not None
    assert example_request(manifest(MAX_ELEMENTS + 1)) is None
    post = written(manifest(MAX_ELEMENTS + 1))["paths"]["/v2/models/linear/infer"]["post"]
    assert "examples" not in post["requestBody"]["content"]["application/json"]


def test_the_text_tells_labels_and_unit() -> None:
    spec = TensorSpec("y", DATATYPES["FP32"], (-1, 2), ("cat", "dog"))
    signature = Signature(LINEAR.signature.inputs, (spec,))
    text = signature_text(replace(LINEAR, signature=signature, unit="request"))
    assert "`y` FP32 [-1,2], labels: cat, dog" in text
    assert "Each request is one unit." in text
