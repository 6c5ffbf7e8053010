"""Triton's own client, sync and aio, against processes that run what is deployed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException

from infermeter.tensors import DATATYPES
from tests.models import BIAS, WEIGHTS, identity, manifest_of, write_artifact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stack import Stack

ROWS = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
EXPECTED = ROWS @ WEIGHTS + BIAS
VALUES: dict[str, Any] = {
    "BOOL": np.array([[True, False]]),
    "FP16": np.array([[0.1, -65504]], np.float16),
    "BF16": np.array([[0.1, -3e38]], ml_dtypes.bfloat16),
    "FP32": np.array([[0.1, np.inf]], np.float32),
    "FP64": np.array([[0.1, 1e300]]),
    "BYTES": np.array([[b"a\0b", "żółć".encode()]], dtype=object),
}


def values(datatype: str) -> np.ndarray[Any, Any]:
    if datatype in VALUES:
        return VALUES[datatype]
    limits = np.iinfo(DATATYPES[datatype].dtype)
    return np.array([[limits.min, limits.max]], DATATYPES[datatype].dtype)


@pytest.fixture(scope="module")
def identities(stack: Stack) -> set[str]:
    """A model per datatype that gives its input back."""
    for datatype in DATATYPES:
        model = identity(datatype)
        manifest = manifest_of(model, name=f"same-{datatype}", datatype=datatype, width=2)
        folder = write_artifact(stack.home / f"same-{datatype}", model, manifest)
        stack.run("publish", str(folder))
    return {f"same-{datatype}" for datatype in DATATYPES}


@pytest.fixture
def client(stack: Stack) -> Iterator[triton.InferenceServerClient]:
    client = triton.InferenceServerClient(stack.url.removeprefix("http://"))
    yield client
    client.close()


@pytest.fixture
def headers(key: dict[str, str]) -> dict[str, str]:
    return {"authorization": f"Bearer {key['key']}"}


def tensor(array: np.ndarray[Any, Any], datatype: str, **how: Any) -> triton.InferInput:
    made = triton.InferInput("x", list(array.shape), datatype)
    made.set_data_from_numpy(array, **how)
    return made


@pytest.mark.parametrize("datatype", DATATYPES)
def test_every_datatype_comes_back(
    client: triton.InferenceServerClient,
    headers: dict[str, str],
    identities: set[str],
    datatype: str,
) -> None:
    given = values(datatype)
    answer = client.infer(f"same-{datatype}", [tensor(given, datatype)], headers=headers)
    got = answer.as_numpy("y")
    assert got.dtype == given.dtype
    assert got.tolist() == given.tolist()


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_compression_both_ways(
    client: triton.InferenceServerClient, headers: dict[str, str], algorithm: str, binary: bool
) -> None:
    answer = client.infer(
        "linear",
        [tensor(ROWS, "FP32", binary_data=binary)],
        outputs=[triton.InferRequestedOutput("y", binary_data=binary)],
        headers=headers,
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
    )
    np.testing.assert_allclose(answer.as_numpy("y"), EXPECTED, rtol=1e-6)


def test_classes(client: triton.InferenceServerClient, headers: dict[str, str]) -> None:
    output = triton.InferRequestedOutput("y", class_count=1)
    answer = client.infer("linear", [tensor(ROWS, "FP32")], outputs=[output], headers=headers)
    texts = [text.decode().split(":") for text in answer.as_numpy("y").ravel()]
    assert [int(place) for _, place in texts] == EXPECTED.argmax(1).tolist()


def test_what_the_server_says_of_itself(
    client: triton.InferenceServerClient, headers: dict[str, str]
) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("linear", headers=headers)
    assert not client.is_model_ready("nobody", headers=headers)
    assert "classification" in client.get_server_metadata()["extensions"]
    assert client.get_model_metadata("linear", headers=headers)["inputs"][0]["name"] == "x"
    assert client.get_model_config("linear", headers=headers)["input"][0]["dims"] == [3]


def test_the_repository(client: triton.InferenceServerClient, headers: dict[str, str]) -> None:
    index = client.get_model_repository_index(headers=headers)
    assert {"name": "linear", "version": "1", "state": "READY", "reason": ""} in index
    client.load_model("linear", headers=headers)
    with pytest.raises(InferenceServerException, match="failed to load 'nobody'"):
        client.load_model("nobody", headers=headers)
    with pytest.raises(InferenceServerException, match="aliases are moved by the operator"):
        client.unload_model("linear", headers=headers)


def test_statistics_count_what_was_asked(
    client: triton.InferenceServerClient, headers: dict[str, str]
) -> None:
    def count() -> int:
        found = client.get_inference_statistics("linear", headers=headers)
        return sum(each["inference_count"] for each in found["model_stats"])

    before = count()
    client.infer("linear", [tensor(ROWS, "FP32")], headers=headers)
    assert count() == before + 2


def test_an_error_is_read(client: triton.InferenceServerClient, headers: dict[str, str]) -> None:
    with pytest.raises(InferenceServerException) as caught:
        client.infer("linear", [tensor(ROWS[:, :2], "FP32")], headers=headers)
    assert caught.value.status() == "400"
    assert "input 'x': expected shape [-1,3], got shape [2,2]" in caught.value.message()


def test_what_is_not_offered_says_so(
    client: triton.InferenceServerClient, headers: dict[str, str]
) -> None:
    with pytest.raises(InferenceServerException, match="shares no memory"):
        client.get_system_shared_memory_status(headers=headers)
    with pytest.raises(InferenceServerException, match="sequence not supported"):
        client.infer("linear", [tensor(ROWS, "FP32")], headers=headers, sequence_id=7)


def test_the_aio_client(stack: Stack, headers: dict[str, str]) -> None:
    async def ask() -> tuple[Any, bool, list[Any]]:
        address = stack.url.removeprefix("http://")
        async with triton_aio.InferenceServerClient(address) as client:
            inputs = [triton_aio.InferInput("x", [2, 3], "FP32")]
            inputs[0].set_data_from_numpy(ROWS)
            calls = (client.infer("linear", inputs, headers=headers) for _ in range(4))
            ready = await client.is_model_ready("linear", headers=headers)
            index = await client.get_model_repository_index(headers=headers)
            answers = await asyncio.gather(*calls)
            return [answer.as_numpy("y") for answer in answers], ready, index

    answers, ready, index = asyncio.run(ask())
    assert ready
    assert any(entry["name"] == "linear" for entry in index)
    for answer in answers:
        np.testing.assert_allclose(answer, EXPECTED, rtol=1e-6)
