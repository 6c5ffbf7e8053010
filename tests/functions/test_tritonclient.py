"""Requests as tritonclient writes them, answers as it reads them: every datatype, both forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import pytest
import tritonclient.http as triton

from infermeter.tensors import DATATYPES, Datatype
from tests.strategies import assert_same, extremes

if TYPE_CHECKING:
    from tests.functions.site import Answer, Site

ALL = pytest.mark.parametrize("datatype", DATATYPES.values(), ids=DATATYPES)


def pairs(datatype: Datatype) -> np.ndarray[Any, Any]:
    array = extremes(datatype).array
    if datatype.name == "BF16":
        array = array.view(ml_dtypes.bfloat16)
    return np.stack([array, array[::-1]], 1)


def ask(site: Site, path: str, tensor: triton.InferInput, **options: Any) -> Answer:
    body, length = triton.InferenceServerClient.generate_request_body([tensor], **options)
    headers = {} if length is None else {"Inference-Header-Content-Length": str(length)}
    return site.ask(path=path, body=body, headers=headers)


def read(answer: Answer) -> triton.InferResult:
    assert answer.status == 200, answer.body
    length = answer.headers.get("inference-header-content-length")
    return triton.InferenceServerClient.parse_response_body(
        answer.body, header_length=None if length is None else int(length)
    )


def writable(array: np.ndarray[Any, Any], *, binary: bool) -> np.ndarray[Any, Any]:
    """What tritonclient can write, and read in BF16: NaN in JSON is not for it."""
    if array.dtype == ml_dtypes.bfloat16 or (array.dtype.kind == "f" and not binary):
        return array[np.isfinite(array).all(1)]
    return array


def plain(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """BYTES as bytes: from JSON, tritonclient gives text."""
    if array.dtype.kind != "O":
        return array
    encoded = np.empty(array.size, dtype=object)
    encoded[:] = [v.encode() if isinstance(v, str) else v for v in array.reshape(-1)]
    return encoded.reshape(array.shape)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
@ALL
def test_every_datatype_comes_back(site: Site, datatype: Datatype, binary: bool) -> None:
    if datatype.name in {"FP16", "BF16"} and not binary:
        pytest.skip("tritonclient writes 16-bit floats in binary alone")
    path = f"/v2/models/{site.publish_identity(datatype.name)}/infer"
    given = writable(pairs(datatype), binary=binary)
    tensor = triton.InferInput("x", list(given.shape), datatype.name)
    tensor.set_data_from_numpy(given, binary_data=binary)
    for binary_out in (True, False):
        output = triton.InferRequestedOutput("y", binary_data=binary_out)
        got = read(ask(site, path, tensor, outputs=[output])).as_numpy("y")
        assert_same(plain(got), given, bitwise=binary and binary_out)


def test_without_outputs_the_client_asks_for_binary(site: Site) -> None:
    tensor = triton.InferInput("x", [1, 3], "FP32")
    tensor.set_data_from_numpy(np.ones((1, 3), np.float32))
    answer = ask(site, "/v2/models/linear/infer", tensor)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert read(answer).as_numpy("y").shape == (1, 2)


def test_the_clients_options_are_understood(site: Site) -> None:
    tensor = triton.InferInput("x", [1, 3], "FP32")
    tensor.set_data_from_numpy(np.ones((1, 3), np.float32))
    options = {"request_id": "42", "priority": 1, "timeout": 10**6, "parameters": {"mine": "a"}}
    result = read(ask(site, "/v2/models/linear/infer", tensor, **options)).get_response()
    assert (result["id"], result["model_name"], result["model_version"]) == ("42", "linear", "1")


def test_no_rows_are_answered_with_none(site: Site) -> None:
    tensor = triton.InferInput("x", [0, 3], "FP32")
    tensor.set_data_from_numpy(np.ones((0, 3), np.float32))
    answer = ask(site, "/v2/models/linear/infer", tensor)
    assert read(answer).as_numpy("y").shape == (0, 2)
    assert answer.headers["infermeter-units"] == "0"
