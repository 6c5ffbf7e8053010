"""Customers over HTTP, against processes that run what is deployed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tritonclient.http as triton
import urllib3

from tests.models import BIAS, WEIGHTS

if TYPE_CHECKING:
    from tests.stack import Stack

ROWS = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)


def call(stack: Stack, method: str, path: str, **arguments: Any) -> tuple[int, Any, Any]:
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request(method, stack.url + path, **arguments)
        return answer.status, answer.headers, json.loads(answer.data)


def request_body(rows: np.ndarray = ROWS) -> bytes:
    data = {"name": "x", "datatype": "FP32", "shape": list(rows.shape), "data": rows.tolist()}
    return json.dumps({"inputs": [data]}).encode()


def infer(stack: Stack, key: str, **headers: str) -> tuple[int, Any, Any]:
    return call(
        stack,
        "POST",
        "/v2/models/linear/infer",
        body=request_body(),
        headers={"x-api-key": key, **headers},
    )


def units(stack: Stack, tenant: str) -> int:
    return sum(row["units"] for row in stack.json("usage", "--tenant", tenant))


def test_the_server_is_ready_without_a_key(stack: Stack) -> None:
    status, _, body = call(stack, "GET", "/v2/health/ready")
    assert (status, body) == (200, {"ready": True, "live": True})


def test_json_in_json_out(stack: Stack, key: dict[str, str]) -> None:
    status, headers, body = infer(stack, key["key"])
    assert status == 200
    assert headers["infermeter-units"] == "2"
    assert headers["infermeter-billed"] == "new"
    np.testing.assert_allclose(body["outputs"][0]["data"], (ROWS @ WEIGHTS + BIAS).ravel(), 1e-6)


def test_tritonclient_with_its_defaults(stack: Stack, key: dict[str, str]) -> None:
    client = triton.InferenceServerClient(stack.url.removeprefix("http://"))
    tensor = triton.InferInput("x", [2, 3], "FP32")
    tensor.set_data_from_numpy(ROWS)
    answer = client.infer("linear", [tensor], headers={"x-api-key": key["key"]})
    np.testing.assert_allclose(answer.as_numpy("y"), ROWS @ WEIGHTS + BIAS, rtol=1e-6)
    assert client.is_server_ready()
    client.close()


def test_one_id_is_billed_once(stack: Stack, key: dict[str, str], tenant: str) -> None:
    answers = [infer(stack, key["key"], **{"Idempotency-Key": "mine"}) for _ in range(2)]
    assert [headers["infermeter-billed"] for _, headers, _ in answers] == ["new", "replay"]
    assert units(stack, tenant) == 2


@pytest.mark.parametrize(
    ("path", "body", "keyed", "expected"),
    [
        ("/v2/models/linear/infer", request_body(), False, 401),
        ("/v2/models/nonesuch/infer", request_body(), True, 404),
        ("/v2/models/linear/infer", b"{", True, 400),
        ("/v2/models/linear/infer", request_body(ROWS[:, :2]), True, 400),
        ("/nowhere", b"", True, 404),
    ],
)
def test_bad_input_is_refused_and_not_billed(
    stack: Stack,
    key: dict[str, str],
    tenant: str,
    path: str,
    body: bytes,
    *,
    keyed: bool,
    expected: int,
) -> None:
    headers = {"x-api-key": key["key"]} if keyed else {}
    status, answered, document = call(stack, "POST", path, body=body, headers=headers)
    assert status == expected
    assert answered["content-type"] == "application/json"
    assert list(document) == ["error"]
    assert units(stack, tenant) == 0


def test_a_large_binary_tensor_passes(stack: Stack, key: dict[str, str], tenant: str) -> None:
    rows = np.ones((250_000, 3), dtype=np.float32)  # 3 MB, 4 MB as base64 in the event
    client = triton.InferenceServerClient(stack.url.removeprefix("http://"))
    tensor = triton.InferInput("x", list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows)
    answer = client.infer("linear", [tensor], headers={"x-api-key": key["key"]})
    assert answer.as_numpy("y").shape == (250_000, 2)
    assert units(stack, tenant) == 250_000
    client.close()
