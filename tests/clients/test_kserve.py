"""kserve's REST client, where it is installed.

It is not among our dependencies: alone it takes 451 MB, and it asks for an older protobuf than
onnx does. `pip install --no-deps kserve`, with what its import then names, is enough for this.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.models import BIAS, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.stack import Stack

kserve = pytest.importorskip("kserve", reason="kserve is not installed: see this file's docstring")

ROWS = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)


@pytest.fixture
def ask(stack: Stack, key: dict[str, str]) -> Callable[[str], Any]:
    """The result of a call of the client's, by its name."""

    def called(name: str, *arguments: Any, keyed: bool = True, **more: Any) -> Any:
        async def call() -> Any:
            client = kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v2", retries=0))
            method: Callable[..., Awaitable[Any]] = getattr(client, name)
            headers = {"headers": {"x-api-key": key["key"]}} if keyed else {}
            try:
                return await method(stack.url, *arguments, **headers, **more)
            finally:
                await client.close()

        return asyncio.run(call())

    return called


def request(rows: np.ndarray[Any, Any], *, binary: bool, binary_out: bool) -> Any:
    given = kserve.InferInput("x", list(rows.shape), "FP32")
    given.set_data_from_numpy(rows, binary_data=binary)
    return kserve.InferRequest(
        "linear", infer_inputs=[given], parameters={"binary_data_output": binary_out}
    )


@pytest.mark.parametrize("binary", [True, False], ids=["binary in", "json in"])
@pytest.mark.parametrize("binary_out", [True, False], ids=["binary out", "json out"])
def test_every_encoding(ask: Callable[..., Any], binary: bool, binary_out: bool) -> None:
    body = request(ROWS, binary=binary, binary_out=binary_out)
    answer = ask("infer", body, model_name="linear")
    assert answer.model_name == "linear"
    np.testing.assert_allclose(answer.outputs[0].as_numpy(), ROWS @ WEIGHTS + BIAS, rtol=1e-6)


def test_what_the_server_says_of_itself(ask: Callable[..., Any]) -> None:
    assert ask("is_server_live", keyed=False)
    assert ask("is_server_ready", keyed=False)
    assert ask("is_model_ready", "linear")


def test_an_error_is_read(ask: Callable[..., Any]) -> None:
    body = request(ROWS[:, :2], binary=True, binary_out=True)
    with pytest.raises(Exception, match=r"input 'x': expected shape \[-1,3\], got shape \[2,2\]"):
        ask("infer", body, model_name="linear")
