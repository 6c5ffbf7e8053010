"""A caller's value, as a message may show it."""

from __future__ import annotations

import orjson

MAX_CHARACTERS = 80


def shown(value: object) -> str:
    """JSON, cut to a readable length; None and Ellipsis (a field that is not there) are nothing."""
    if value is None or value is ...:
        return "nothing"
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # orjson reads to a depth of 1024 and writes to one of 254
        return "a value nested too deeply"
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 3]}..."
