"""Headers and queries that a request may have, and the names in paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infermeter.openapi.page import ASSETS
from infermeter.openapi.usage import USAGE_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infermeter.api.routes import Route

PARAMETERS: Mapping[str, dict[str, Any]] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "An id for this request: 1 to 128 printable ASCII characters without "
        "spaces. It is charged once, however often it is sent. A UUIDv7 or ULID carries its own "
        "time and is refused once it is over 24 h old.",
        "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
    },
    "JsonLength": {
        "name": "Inference-Header-Content-Length",
        "in": "header",
        "description": "Bytes of the body's JSON part, before compression; 0: the body is the "
        "model's only input, raw. Needed if the body has a binary part.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "ContentEncoding": {
        "name": "Content-Encoding",
        "in": "header",
        "description": "How the body is compressed.",
        "schema": {"type": "string", "enum": ["identity", "gzip", "deflate"]},
    },
    "AcceptEncoding": {
        "name": "Accept-Encoding",
        "in": "header",
        "description": "How the answer may be compressed.",
        "schema": {"type": "string", "examples": ["gzip", "deflate"]},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of the content that is there already.",
        "schema": {"type": "string"},
    },
    **USAGE_PARAMETERS,
}
_NAME: Mapping[str, Any] = {"type": "string", "minLength": 1}
_PLACEHOLDERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "model": ("A model's name.", {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}),
    "version": ("A version's number, or an alias such as `prod`.", _NAME),
    "month": (
        "A month as YYYY-MM, from the tenant's first to the present one.",
        {"type": "string", "pattern": "^2[0-9]{3}-(0[1-9]|1[0-2])$"},
    ),
    "request_id": (
        "The Idempotency-Key of a request, or the x-request-id of its answer, percent-encoded.",
        {"type": "string", "pattern": "^[!-~]{1,128}$"},
    ),
    "asset": ("A file that the page loads.", {"type": "string", "enum": list(ASSETS)}),
}
# OpenAI's paths have no place for a version.
_MODEL_OR_VERSION = (
    "A model's name, or `name:version`.",
    {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}(:[^/]+)?$"},
)


def path_parameters(route: Route) -> list[dict[str, Any]]:
    """A parameter for each placeholder of a route's path."""
    return [
        _named(segment[1:-1], route.family)
        for segment in route.path.split("/")
        if segment.startswith("{")
    ]


def _named(name: str, family: str) -> dict[str, Any]:
    versioned = family == "openai" and name == "model"
    description, schema = _MODEL_OR_VERSION if versioned else _PLACEHOLDERS[name]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
    }
