"""The least of a server, and faults to plant in it: what the suite is tried on."""

from __future__ import annotations

import gzip
import json
import math
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "/v2/models/sham"
# How long a shutdown may take.
POLL_S = 0.01
SPELLED = {math.inf: "Infinity", -math.inf: "-Infinity"}
_SPEC = {"datatype": "FP32", "shape": [-1, 2]}
_DOCUMENTS: dict[str, Any] = {
    "/v2": {"name": "sham", "version": "1", "extensions": ["binary_tensor_data"]},
    "/v2/": {"name": "sham", "version": "1", "extensions": ["binary_tensor_data"]},
    "/v2/health/live": {"live": True},
    "/v2/health/ready": {"ready": True},
    "/v2/models": {"models": ["sham"]},
    MODEL: {
        "name": "sham",
        "platform": "none",
        "versions": ["1"],
        "inputs": [{"name": "x", **_SPEC}],
        "outputs": [{"name": "y", **_SPEC}],
    },
    f"{MODEL}/ready": {"name": "sham", "ready": True},
}


class Refused(Exception):
    """What is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Sham(BaseHTTPRequestHandler):
    """Gives an FP32 tensor of [-1,2] back. `fault` names what it does wrong."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: two would wait for an acknowledgement between
    fault = ""
    fallen = False

    def do_GET(self) -> None:
        if self.path not in _DOCUMENTS:
            self._refuse(Refused(404, f"Request for unknown model: '{self.path}' is not found"))
        elif self.path.endswith("live") and type(self).fallen:
            self._send(503, b"")
        else:
            self._send(200, json.dumps(_DOCUMENTS[self.path]).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self._infer(body)
        except Refused as error:
            self._refuse(error)

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""

    def _infer(self, body: bytes) -> None:
        if self.path != f"{MODEL}/infer":
            raise Refused(404, f"Request for unknown model: '{self.path}' is not found")
        length = int(self.headers.get("Inference-Header-Content-Length") or len(body))
        document = json.loads(body[:length])
        (entry,) = document["inputs"]
        order = ">f4" if self.fault == "big-endian" else "<f4"
        if "data" in entry:
            flat = np.array(entry["data"], "<f4").reshape(-1)
        else:
            flat = np.frombuffer(body[length:], order)
        wanted = math.prod(entry["shape"])
        if flat.size != wanted and self.fault != "any count":
            name = "it" if self.fault == "an input without a name" else "input 'x'"
            raise Refused(400, f"{name}: expected {wanted} elements, got {flat.size}")
        self._answer(document, entry["shape"], flat.astype("<f4"))

    def _answer(self, document: dict[str, Any], shape: list[int], flat: np.ndarray) -> None:
        answer: dict[str, Any] = {"model_name": "sham", "model_version": "1"}
        if document.get("id"):
            answer["id"] = document["id"]
        if self.fault == "an invented id":
            answer.setdefault("id", "7")
        for field in ("id", "model_name"):
            if self.fault == f"no {field}":
                answer.pop(field, None)
        output: dict[str, Any] = {"name": "y", "datatype": "FP32", "shape": shape}
        answer["outputs"] = [output]
        if not self._wants_binary(document):
            output["data"] = [self._spelled(value) for value in flat.tolist()]
            self._send(200, json.dumps(answer).encode(), unasked=self.fault == "unasked gzip")
            return
        tail = flat.astype(">f4" if self.fault == "big-endian answers" else "<f4").tobytes()
        output["parameters"] = {"binary_data_size": len(tail)}
        head = json.dumps(answer, ensure_ascii=False)
        in_characters = self.fault == "a length in characters"
        length = len(head) if in_characters else len(head.encode())
        self._send(200, head.encode() + tail, json_size=length)

    def _wants_binary(self, document: dict[str, Any]) -> bool:
        overall = document.get("parameters", {}).get("binary_data_output", False)
        own = [each.get("parameters", {}) for each in document.get("outputs", [])]
        if self.fault == "the request's wish first" and overall:
            return True
        return own[0].get("binary_data", overall) if own else overall

    def _spelled(self, value: float) -> Any:
        if math.isfinite(value):
            return float(f"{value:.6g}") if self.fault == "six digits" else value
        if self.fault == "a bare NaN":
            return value
        return None if self.fault == "null for NaN" else SPELLED.get(value, "NaN")

    def _refuse(self, error: Refused) -> None:
        message: Any = {"message": str(error)} if self.fault == "nested errors" else str(error)
        kind = "application/json" + ("; charset=utf-8" if self.fault == "a charset" else "")
        status = 500 if self.fault == "500 for 400" else error.status
        type(self).fallen = self.fault == "it falls"
        self._send(status, json.dumps({"error": message}).encode(), kind=kind)

    def _send(
        self,
        status: int,
        body: bytes,
        *,
        kind: str = "application/json",
        json_size: int | None = None,
        unasked: bool = False,
    ) -> None:
        self.send_response(status)
        if json_size is not None:
            self.send_header("Inference-Header-Content-Length", str(json_size))
            kind = "application/octet-stream"
        if unasked:
            self.send_header("Content-Encoding", "gzip")
            body = gzip.compress(body)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(fault: str = "", kind: type[Sham] = Sham) -> Iterator[str]:
    """The URL of a server of this kind, with this fault."""
    handler = type("Faulty", (kind,), {"fault": fault})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
