"""An HTTP request and response, whatever carried them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`path` is percent-decoded and without the stage; header names are lower-case; `query` has
    every value of a parameter, decoded.

    `received_ms` is when the gateway took the request, in epoch milliseconds.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)  # the caller's key is among them
    body: bytes = field(repr=False)
    gateway_id: str
    received_ms: int
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What goes back, and headers that may be added to on the way.

    A `binary` body travels in base64 where the transport is text.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    binary: bool = False
