"""Bytes to JSON documents, refused before they can hurt."""

from __future__ import annotations

import re

import numpy as np
import orjson

from infermeter.errors import MalformedBody
from infermeter.wire.limits import MAX_NESTING

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_OPENERS, _BRACKETS = b"[{", b"[]{}"
_OTHERS = bytes(set(range(256)) - set(_BRACKETS))


def parse_json(body: bytes, what: str = "body") -> object:
    """The document in a body.

    Raises MalformedBody, naming `what`, for what is not strict JSON or nested too deeply.
    """
    if nesting_exceeds(body, MAX_NESTING):
        raise MalformedBody(
            f"{what}: expected JSON nested to a depth of at most {MAX_NESTING}, got a deeper one"
        )
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"{what}: expected JSON, got: {error}") from None


def nesting_exceeds(body: bytes, depth: int) -> bool:
    """Whether lists and objects nest deeper than this, were the body JSON."""
    if _occurrences(body, b"[", depth) + _occurrences(body, b"{", depth) <= depth:
        return False
    brackets = np.frombuffer(_STRING.sub(b"", body).translate(None, _OTHERS), np.uint8)
    opening = np.isin(brackets, np.frombuffer(_OPENERS, np.uint8))
    return bool(np.cumsum(np.where(opening, 1, -1)).max(initial=0) > depth)


def _occurrences(body: bytes, bracket: bytes, limit: int) -> int:
    """How often the bracket stands in the body, counted until there are too many."""
    count, place = 0, body.find(bracket)
    while place >= 0 and count <= limit:
        count, place = count + 1, body.find(bracket, place + 1)
    return count
