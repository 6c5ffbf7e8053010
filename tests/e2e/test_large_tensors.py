"""Tensors that no event carries, put and read by signed URLs, against what is deployed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import urllib3

from tests.e2e.test_http import call, units
from tests.models import BIAS, WEIGHTS

if TYPE_CHECKING:
    from tests.e2e.conftest import Stack

# 12 MB in, 8 MB out.
ROWS = np.random.default_rng(0).random((1_000_000, 3), dtype=np.float32)


def post(stack: Stack, key: str, path: str, document: dict[str, Any]) -> tuple[int, Any, Any]:
    body = json.dumps(document).encode()
    return call(stack, "POST", path, body=body, headers={"x-api-key": key})


def transfer(method: str, url: str, **arguments: Any) -> tuple[int, bytes]:
    """As a customer does, without any AWS library."""
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request(method, url, **arguments)
        return answer.status, answer.data


def offer(stack: Stack, key: str, size: int) -> dict[str, Any]:
    status, _, place = post(stack, key, "/v2/uploads", {"size": size})
    assert status == 201, place
    return dict(place)


def put(place: dict[str, Any], content: bytes, **headers: str) -> int:
    sent = place["headers"] | headers
    status, _ = transfer(place["method"], place["upload_url"], body=content, headers=sent)
    return status


def by_uri(uri: str, rows: np.ndarray) -> dict[str, Any]:
    tensor = {"name": "x", "datatype": "FP32", "shape": list(rows.shape)}
    return {"inputs": [tensor | {"parameters": {"input_uri": uri}}]}


def test_a_large_tensor_comes_in_and_goes_out_by_signed_urls(
    stack: Stack, key: dict[str, str], tenant: str
) -> None:
    place = offer(stack, key["key"], ROWS.nbytes)
    assert put(place, ROWS.tobytes()) == 200
    status, headers, answer = post(
        stack, key["key"], "/v2/models/linear/infer", by_uri(place["input_uri"], ROWS)
    )
    assert status == 200, answer
    assert headers["infermeter-units"] == str(len(ROWS))
    status, content = transfer("GET", answer["parameters"]["output_uri"])
    assert (status, len(content)) == (200, answer["parameters"]["output_bytes"])
    outputs = np.frombuffer(content, "<f4").reshape(answer["outputs"][0]["shape"])
    np.testing.assert_allclose(outputs, ROWS @ WEIGHTS + BIAS, rtol=1e-5)
    assert units(stack, tenant) == len(ROWS)


def test_an_upload_is_written_once(stack: Stack, key: dict[str, str]) -> None:
    place = offer(stack, key["key"], 4)
    assert put(place, b"1234") == 200
    assert put(place, b"5678") == 412


def test_an_upload_is_of_the_size_that_was_declared(stack: Stack, key: dict[str, str]) -> None:
    place = offer(stack, key["key"], 4)
    assert put(place, b"12345", **{"content-length": "5"}) == 403
    assert put(place, b"1234") == 200


def test_an_upload_may_not_replace_what_is_there(stack: Stack, key: dict[str, str]) -> None:
    place = offer(stack, key["key"], 4)
    del place["headers"]["if-none-match"]
    assert put(place, b"1234") == 403
