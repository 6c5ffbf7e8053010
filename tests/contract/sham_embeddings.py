"""The least of an embeddings server, and faults to plant in it."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np

from .sham import Sham

WIDTH = 4
MOST_INPUTS = 2048
LARGEST_TOKEN = 30_000
_ENTRY = {"id": "sham", "object": "model", "created": 1, "owned_by": "nobody"}
_DOCUMENTS: dict[str, Any] = {
    "/v1/models": {"object": "list", "data": [_ENTRY]},
    "/v1/models/sham": _ENTRY,
}


class Refused(Exception):
    """What is answered with an error of OpenAI's shape."""

    def __init__(self, param: str | None, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.param, self.status = param, status


class ShamEmbeddings(Sham):
    """Gives each text numbers made of its checksum; a text's tokens are its words."""

    def do_GET(self) -> None:  # noqa: N802  http.server's own name
        if self.path in _DOCUMENTS:
            self._send(200, json.dumps(_DOCUMENTS[self.path]).encode())
        elif self.path.startswith("/v1/"):
            known = self.path == "/v1/embeddings"
            self._refuse_as_openai(Refused(None, "not here", 405 if known else 404))
        else:
            super().do_GET()

    def do_POST(self) -> None:  # noqa: N802
        if not self.path.startswith("/v1/"):
            super().do_POST()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self._embed(_parsed(body))
        except Refused as error:
            self._refuse_as_openai(error)

    def _embed(self, document: dict[str, Any]) -> None:
        if self.path != "/v1/embeddings":
            raise Refused(None, "not here", 405)
        texts = _texts(document.get("input"))
        if "model" not in document:
            raise Refused("model", "expected a model")
        if document["model"] != "sham":
            raise Refused("model", "unknown model", 404)
        size, encoding = document.get("dimensions", WIDTH), document.get("encoding_format", "float")
        if type(size) is not int or not 0 < size <= WIDTH:
            raise Refused("dimensions", f"expected 1 to {WIDTH}")
        if encoding not in ("float", "base64"):
            raise Refused("encoding_format", "expected float or base64")
        data = [
            {"object": "embedding", "index": index, "embedding": self._vector(text, size, encoding)}
            for index, text in enumerate(texts)
        ]
        if self.fault == "another order":
            data = [{**entry, "index": index} for index, entry in enumerate(data[::-1])]
        count = len(texts[0]) if self.fault == "tokens of the first" else sum(map(len, texts))
        usage = {"prompt_tokens": count, "total_tokens": count}
        answer = {"object": "list", "model": "sham", "data": data, "usage": usage}
        self._send(200, json.dumps(answer).encode())

    def _vector(self, tokens: list[Any], size: int, encoding: str) -> Any:
        seed = zlib.crc32(repr(tokens).encode())
        vector = np.random.default_rng(seed).standard_normal(WIDTH).astype("<f4")[:size]
        if encoding == "float":
            return vector.tolist()
        order = ">f4" if self.fault == "big-endian base64" else "<f4"
        return base64.b64encode(vector.astype(order).tobytes()).decode()

    def _refuse_as_openai(self, error: Refused) -> None:
        inner: Any = {"message": str(error), "type": "invalid", "param": error.param, "code": None}
        if self.fault == "the other protocol's errors":
            inner = str(error)
        self._send(error.status, json.dumps({"error": inner}).encode())


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(None, "expected JSON") from None
    if not isinstance(document, dict):
        raise Refused(None, "expected an object")
    return document


def _texts(given: Any) -> list[list[Any]]:
    """Each text's tokens: its words, or the ids as they came."""
    whole = isinstance(given, str) or (isinstance(given, list) and _are_tokens(given))
    texts = [given] if whole else given
    if not isinstance(texts, list) or not 0 < len(texts) <= MOST_INPUTS:
        raise Refused("input", f"expected a text, or 1 to {MOST_INPUTS} of them")
    if not (all(isinstance(text, str) and text for text in texts) or all(map(_are_tokens, texts))):
        raise Refused("input", "expected texts or token ids, none empty")
    return [text.split() if isinstance(text, str) else text for text in texts]


def _are_tokens(given: Any) -> bool:
    if not isinstance(given, list) or not given:
        return False
    return all(type(token) is int and 0 <= token < LARGEST_TOKEN for token in given)
