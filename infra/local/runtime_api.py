"""The Lambda Runtime API of one execution environment, on loopback.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html: the runtime polls for the next
invocation, posts its response or error, and reports a failed initialisation. What the runtime
does comes out of `messages`, in order; invocations go in by `deliver`.
"""

from __future__ import annotations

import json
import socketserver
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import SimpleQueue
from typing import Any, cast

MAX_RESPONSE_BYTES = 6_291_556  # 6 MB and the envelope, as in Lambda's own error message
PREFIX = "/2018-06-01/runtime/"
_ACCEPTED = b'{"status":"OK"}'


@dataclass(frozen=True)
class Invocation:
    """One event on its way to the runtime; `deadline_ms` is in Unix time."""

    request_id: str
    event: bytes
    deadline_ms: int
    function_arn: str
    trace_id: str


@dataclass(frozen=True)
class Ready:
    """The runtime asked for its first event: initialisation is over."""


@dataclass(frozen=True)
class InitFailed:
    error: dict[str, Any]


@dataclass(frozen=True)
class Responded:
    payload: bytes


@dataclass(frozen=True)
class Failed:
    error: dict[str, Any]


@dataclass(frozen=True)
class TooLarge:
    """The response was refused: larger than Lambda passes on."""


@dataclass(frozen=True)
class Exited:
    """The process ended; `code` as in `subprocess` (negative: a signal)."""

    code: int


Message = Ready | InitFailed | Responded | Failed | TooLarge | Exited


class RuntimeApi:
    """Serves one runtime process at `address` (host:port) until `close`."""

    def __init__(self) -> None:
        self.messages: SimpleQueue[Message] = SimpleQueue()
        self._invocations: SimpleQueue[Invocation | None] = SimpleQueue()
        self._current: str | None = None
        self._ready = False
        self._server = _Server(self)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.5},
            name="runtime-api",
            daemon=True,
        ).start()

    def deliver(self, invocation: Invocation) -> None:
        """Hand an event to the runtime, which takes it when it next asks."""
        self._current = invocation.request_id
        self._invocations.put(invocation)

    def close(self) -> None:
        """Let a waiting runtime go and stop listening."""
        self._invocations.put(None)
        threading.Thread(target=self._stop, name="runtime-api-close", daemon=True).start()

    def _stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def next_invocation(self) -> Invocation | None:
        """Blocks until there is an event; None when the environment closes."""
        if not self._ready:
            self._ready = True
            self.messages.put(Ready())
        return self._invocations.get()

    def report_init_error(self, error: dict[str, Any]) -> None:
        self.messages.put(InitFailed(error))

    def settle(self, request_id: str, kind: str, body: bytes) -> tuple[int, bytes]:
        """Take a response or error for the current event; returns the HTTP status and body."""
        if request_id != self._current:
            return 400, _refusal("InvalidRequestID", "Invalid request ID")
        self._current = None
        if kind == "error":
            self.messages.put(Failed(_document(body)))
            return 202, _ACCEPTED
        if len(body) > MAX_RESPONSE_BYTES:
            self.messages.put(TooLarge())
            return 413, _refusal("RequestEntityTooLarge", "Exceeded maximum allowed payload size")
        self.messages.put(Responded(body))
        return 202, _ACCEPTED


class _Server(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        """Skip the look-up of the host's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def handle_error(self, request: object, client_address: object) -> None:
        """A runtime that is killed drops its connection; that is no error of ours."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without these two an invocation takes 40 ms and more: Nagle waits for the delayed ACK.
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass

    @property
    def _api(self) -> RuntimeApi:
        return cast("_Server", self.server).api

    def do_GET(self) -> None:
        if self.path == PREFIX + "restore/next":
            self._answer(200, b"")
        elif self.path == PREFIX + "invocation/next":
            self._send_next()
        else:
            self._answer(404, _refusal("NotFound", self.path))

    def _send_next(self) -> None:
        invocation = self._api.next_invocation()
        if invocation is None:
            self.close_connection = True
            self._answer(500, _refusal("Closing", "the execution environment ends"))
            return
        self._answer(
            200,
            invocation.event,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                "Lambda-Runtime-Trace-Id": invocation.trace_id,
            },
        )

    def do_POST(self) -> None:
        body = self._body()
        if self.path in (PREFIX + "init/error", PREFIX + "restore/error"):
            self._api.report_init_error(_document(body))
            self._answer(202, _ACCEPTED)
            return
        match self.path.removeprefix(PREFIX).split("/"):
            case ["invocation", request_id, "response" | "error" as kind]:
                self._answer(*self._api.settle(request_id, kind, body))
            case _:
                self._answer(404, _refusal("NotFound", self.path))

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass
        return b"".join(chunks)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _document(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    return {"errorType": "Runtime.Unknown", "errorMessage": body.decode(errors="replace")}


def _refusal(kind: str, message: str) -> bytes:
    return json.dumps({"errorMessage": message, "errorType": kind}).encode()
