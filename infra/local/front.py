"""The customers' URL: a loopback server that leads to the deployed stage, in the same process."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from infra.local import gateway

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Route:
    """A deployed stage."""

    api_id: str
    stage: str

    @classmethod
    def of(cls, url: str) -> Route:
        """From an API's URL, `https://<id>.execute-api.<region>.amazonaws.com/<stage>/`."""
        parts = urlsplit(url)
        return cls((parts.hostname or "").split(".")[0], parts.path.strip("/"))


class Front:
    """An ASGI application.

    `route` gives where requests go, or a text that says why they cannot yet; `execute` sends
    one there; `report` is told of each answer and the milliseconds it took, and a line of JSON
    goes to `log`.
    """

    def __init__(
        self,
        route: Callable[[], Route | str],
        execute: Callable[[Route, gateway.Request], Awaitable[gateway.Response]],
        report: Callable[[Route, gateway.Request, gateway.Response, float], None],
        log: IO[str],
    ) -> None:
        self._route = route
        self._execute = execute
        self._report = report
        self._log = log

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _serve(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        begin = time.perf_counter()
        body = await _body(receive)
        if body is None:
            return  # the client went away
        request = _request(scope, body)
        route = self._route()
        response = await self._answer(route, request)
        headers = [
            ("Date", formatdate(usegmt=True)),
            ("Content-Length", str(len(response.body))),
            ("x-amzn-RequestId", request.request_id),
            ("x-amz-apigw-id", request.extended_id),
            ("X-Amzn-Trace-Id", request.trace_id),
            *(pair for pair in response.headers if pair[0].lower() != "x-amzn-requestid"),
        ]
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": [(name.encode("latin-1"), _encoded(value)) for name, value in headers],
            }
        )
        await send(
            {
                "type": "http.response.body",
                "body": b"" if request.method == "HEAD" else response.body,
            }
        )
        took_ms = (time.perf_counter() - begin) * 1000
        self._note(request, response, took_ms)
        if isinstance(route, Route):
            self._report(route, request, response, took_ms)

    async def _answer(self, route: Route | str, request: gateway.Request) -> gateway.Response:
        if isinstance(route, str):
            return _error(503, route)
        if len(request.body) > gateway.MAX_BODY_BYTES:
            request.passage.error = "REQUEST_TOO_LARGE"
            return _error(413, "Request Too Long")
        return await self._execute(route, request)

    def _note(self, request: gateway.Request, response: gateway.Response, took_ms: float) -> None:
        entry = {
            "time": int(request.received * 1000),
            "request_id": request.request_id,
            "source_ip": request.client,
            "method": request.method,
            "path": request.path,
            "status": response.status,
            "latency_ms": round(took_ms, 2),
            "bytes_in": len(request.body),
            "bytes_out": len(response.body),
        }
        self._log.write(json.dumps(entry) + "\n")
        self._log.flush()


def _request(scope: dict[str, Any], body: bytes) -> gateway.Request:
    return gateway.Request(
        method=scope["method"],
        path=scope["raw_path"].partition(b"?")[0].decode("latin-1"),
        headers=tuple(
            (name.decode("latin-1"), _decoded(value)) for name, value in scope["headers"]
        ),
        query=scope["query_string"].decode("latin-1"),
        body=body,
        client=(scope.get("client") or ("127.0.0.1",))[0],
    )


async def _body(receive: Receive) -> bytes | None:
    """The request's body; once it is over the limit its rest is read and dropped."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if size <= gateway.MAX_BODY_BYTES:
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
        if not message.get("more_body"):
            return b"".join(chunks)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _error(status: int, text: str) -> gateway.Response:
    body = json.dumps({"error": text}).encode()
    return gateway.Response(status, (("Content-Type", "application/json"),), body)


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _encoded(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()
