"""Compressed bodies: gzip and deflate, in when the sender says so, out when it asks.

Source: RFC 9110, section 8.4.1; `deflate` is a zlib stream.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

from infermeter.errors import MalformedBody, TooLarge, UnsupportedEncoding

ENCODINGS = ("gzip", "deflate")
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
# A function's time costs more than the bytes that a higher level would save.
_LEVEL = 1


def decompress(body: bytes, encoding: str | None, limit: int) -> bytes:
    """The body as it was before compression; as it is without an encoding.

    Raises UnsupportedEncoding; TooLarge once more than `limit` bytes have come out, before more
    are made; MalformedBody for a stream that is damaged, cut short, or followed by more.
    """
    name = (encoding or "identity").strip().lower()
    if name == "identity":
        return body
    if name not in _WINDOW_BITS:
        raise UnsupportedEncoding(name[:40], ENCODINGS)
    stream = zlib.decompressobj(_WINDOW_BITS[name])
    try:
        content = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise MalformedBody(f"body: expected {name}, got a damaged stream: {error}") from None
    if len(content) > limit:
        raise TooLarge(
            "decompressed body",
            limit=limit,
            got=f"more than {limit}",
            unit="bytes",
            remedy="send fewer rows, or upload the tensor",
        )
    if not stream.eof or stream.unused_data:
        rest = "more after it" if stream.eof else "a part of one"
        raise MalformedBody(f"body: expected one whole {name} stream, got {rest}")
    return content


@lru_cache(maxsize=64)
def accepted_encoding(accept: str | None) -> str | None:
    """The encoding that an Accept-Encoding header asks for and this server writes, or None."""
    if not accept:
        return None
    asked = {}
    for item in accept.lower().split(","):
        name, _, parameters = item.strip().partition(";")
        asked[name.strip()] = _quality(parameters)
    ranked = [name for name in ENCODINGS if asked.get(name, 0.0) > 0]
    best = max(ranked, key=lambda name: asked[name], default=None)
    return best if best and asked[best] >= asked.get("identity", 0.0) else None


def compress(body: bytes, encoding: str) -> bytes:
    """The body in one of `ENCODINGS`; the same bytes give the same bytes."""
    stream = zlib.compressobj(_LEVEL, wbits=_WINDOW_BITS[encoding])
    return stream.compress(body) + stream.flush()


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
