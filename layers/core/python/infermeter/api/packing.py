"""A body into a response that Lambda and the gateway let through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.errors import TooLarge
from infermeter.wire.compression import accepted_encoding, compress
from infermeter.wire.http import HttpResponse
from infermeter.wire.limits import (
    MAX_ANSWER_BYTES,
    MAX_BINARY_ANSWER_BYTES,
    MAX_BODY_BYTES,
    escaped_size,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def pack(
    body: bytes, headers: dict[str, str], request: Mapping[str, str], *, binary: bool = False
) -> HttpResponse:
    """A 200 with the body, compressed if the request's headers ask for that.

    Raises TooLarge for one that does not fit into Lambda's answer.
    """
    encoding = accepted_encoding(request.get("accept-encoding"))
    if encoding is not None:
        body, binary = compress(body, encoding), True
        headers["content-encoding"] = encoding
        headers["vary"] = "accept-encoding"
    limit = MAX_BINARY_ANSWER_BYTES if binary else MAX_ANSWER_BYTES
    size = len(body) if binary or 2 * len(body) <= limit else escaped_size(body)
    if size > limit:
        raise _too_large(limit, size)
    return HttpResponse(200, body, headers, binary)


def check_packable(size: int, request: Mapping[str, str]) -> None:
    """Raises TooLarge for a body of at least `size` bytes that is not worth encoding.

    One to be compressed may be as large, before that, as a request's.
    """
    compressed = accepted_encoding(request.get("accept-encoding")) is not None
    limit = MAX_BODY_BYTES if compressed else MAX_ANSWER_BYTES
    if size > limit:
        raise _too_large(limit, size)


def _too_large(limit: int, size: int) -> TooLarge:
    return TooLarge(
        "answer",
        limit=limit,
        got=size,
        unit="bytes",
        remedy="send fewer rows, or ask for fewer outputs; this attempt was not billed",
    )
