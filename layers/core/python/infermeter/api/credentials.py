"""The key that a request shows, in either of two headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def credential(headers: Mapping[str, str]) -> str | None:
    """`Authorization: Bearer <key>`, else `x-api-key: <key>`; header names are lower-case."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key")
