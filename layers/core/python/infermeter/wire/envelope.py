"""A queue message: an Open Inference Protocol request in an envelope that says who pays.

`{"specversion":"1.0","id"?,"key_id","model","version"?,"request":{...}|"request_uri":"s3://..."}`.
The envelope names a key's public id, never its secret: the queue's own policy decides who may send.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from infermeter.errors import MalformedBody
from infermeter.wire.excerpts import shown
from infermeter.wire.json_body import parse_json

SPEC_VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A decoded message; `request` is the protocol's document, not looked into yet.

    It is None where the document lies at `request_uri`.
    """

    key_id: str
    model: str
    version: str | None
    id: str | None
    request: dict[str, Any] | None
    request_uri: str | None = None

    def canonical_request(self) -> bytes:
        """The request, or its URI, in a form of its own, whatever order and spacing it came in.

        Raises MalformedBody for one nested too deeply to be written.
        """
        try:
            subject = self.request_uri if self.request is None else self.request
            return orjson.dumps(subject, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError as error:
            raise MalformedBody(f"request: expected a shallower document, got: {error}") from None


def decode_envelope(body: str) -> Envelope:
    """Raises MalformedBody naming the field, what was expected and what came."""
    # Half a surrogate pair is not UTF-8, nor JSON: the parser says so.
    document = parse_json(body.encode(errors="surrogatepass"), "message")
    if not isinstance(document, dict):
        raise MalformedBody("message: expected an object, got another kind of JSON")
    if document.get("specversion") != SPEC_VERSION:
        raise MalformedBody(
            f"specversion: expected '{SPEC_VERSION}', got {shown(document.get('specversion'))}"
        )
    request, request_uri = document.get("request"), _optional_text(document, "request_uri")
    if request is not None and request_uri is not None:
        raise MalformedBody("request_uri: expected none beside a request, got one")
    if request_uri is None and not isinstance(request, dict):
        raise MalformedBody(
            "request: expected an object with the inference request, or its request_uri, got none"
        )
    return Envelope(
        key_id=_text(document, "key_id"),
        model=_text(document, "model"),
        version=_optional_text(document, "version"),
        id=_optional_text(document, "id"),
        request=request,
        request_uri=request_uri,
    )


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedBody(f"{name}: expected a string, got {shown(value)}")
    return value


def _optional_text(document: dict[str, Any], name: str) -> str | None:
    return None if document.get(name) is None else _text(document, name)
