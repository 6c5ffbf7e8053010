"""The usual way to serve a model: FastAPI, pydantic, numpy and onnxruntime.

As a competent user writes it: `async` endpoints (a thread per call would cost more than these
models do), orjson for the answer, the raw body where tensors travel as bytes. It knows neither
keys nor limits nor a meter, and writes no log line: it does less than the function beside it.
On Lambda it stands behind Mangum, which is given the same event as our function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from fastapi import FastAPI, Request, Response
from mangum import Mangum
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnxruntime


class InputTensor(BaseModel):
    """One input."""

    name: str
    datatype: str
    shape: list[int]
    data: list[float]


class InferRequest(BaseModel):
    """The body of a JSON request."""

    inputs: list[InputTensor]


def make_app(sessions: Mapping[str, onnxruntime.InferenceSession]) -> FastAPI:
    """Sessions by model name, behind a JSON route and one for raw bytes."""
    app = FastAPI()
    rows = {name: (-1, *each.get_inputs()[0].shape[1:]) for name, each in sessions.items()}

    @app.post("/v2/models/{model}/infer")
    async def infer(model: str, request: InferRequest) -> Response:
        feed = {
            tensor.name: np.array(tensor.data, np.float32).reshape(tensor.shape)
            for tensor in request.inputs
        }
        session = sessions[model]
        outputs = [
            {"name": node.name, "datatype": "FP32", "shape": array.shape, "data": array.reshape(-1)}
            for node, array in zip(session.get_outputs(), session.run(None, feed), strict=True)
        ]
        document = {"model_name": model, "outputs": outputs}
        content = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
        return Response(content, media_type="application/json")

    @app.post("/raw/{model}")
    async def raw(model: str, request: Request) -> Response:
        array = np.frombuffer(await request.body(), np.float32).reshape(rows[model])
        (result,) = sessions[model].run(None, {"x": array})
        return Response(result.tobytes(), media_type="application/octet-stream")

    return app


def make_function(app: FastAPI) -> Mangum:
    """The application as a Lambda function."""
    return Mangum(app, lifespan="off")


def make_scope(path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """An ASGI scope as a server makes it; applications write into it, so one for each call."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": "POST",
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "state": {},
    }


def call(app: FastAPI, scope: dict[str, Any], body: bytes) -> tuple[int, bytes]:
    """Status and body, without a server or an event loop: neither is counted against it."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    try:
        app(scope, receive, send).send(None)
    except StopIteration:
        return sent[0]["status"], sent[1]["body"]
    raise RuntimeError("the application waits for something that no event loop will bring")
