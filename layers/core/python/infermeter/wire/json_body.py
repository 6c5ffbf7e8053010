"""Bytes to JSON documents, refused before they can hurt."""

from __future__ import annotations

import numpy as np
import orjson

from infermeter.errors import MalformedBody
from infermeter.wire.limits import MAX_NESTING

_QUOTE = ord('"')
_OTHERS = bytes(set(range(256)) - set(b'"[]{}'))
# How a byte changes the depth.
_STEPS = np.zeros(256, np.int8)
_STEPS[[*b"[{"]], _STEPS[[*b"]}"]] = 1, -1
# Bytes looked at in one go, so that what is worked out for each stays small.
_BLOCK = 1 << 20
# Up to so many bytes, looking at each is quicker than searching for one bracket after the other.
_SHORT = 1024


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
    if len(body) <= _SHORT and body.count(b"[") + body.count(b"{") <= depth:
        return False
    if _occurrences(body, b"[", depth) + _occurrences(body, b"{", depth) <= depth:
        return False
    # No regular expression: on escaped quotes without an end it would take quadratic time.
    marks = body.replace(rb"\\", b"").replace(rb"\"", b"").translate(None, _OTHERS)
    level, within = 0, False
    for start in range(0, len(marks), _BLOCK):
        block = np.frombuffer(marks, np.uint8, min(_BLOCK, len(marks) - start), start)
        quoted = np.logical_xor.accumulate(block == _QUOTE) ^ within
        levels = level + np.cumsum(_STEPS[block] * ~quoted, dtype=np.int64)
        if levels.max() > depth:
            return True
        level, within = int(levels[-1]), bool(quoted[-1])
    return False


def _occurrences(body: bytes, bracket: bytes, limit: int) -> int:
    """How often the bracket stands in the body, counted until there are too many."""
    count, place = 0, body.find(bracket)
    while place >= 0 and count <= limit:
        count, place = count + 1, body.find(bracket, place + 1)
    return count
