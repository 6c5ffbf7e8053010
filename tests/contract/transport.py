"""How a request travels: the one seam of the suite, and its way over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import urllib3

if TYPE_CHECKING:
    from collections.abc import Mapping

# A cold model may take as long as a gateway waits for it.
TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Answer:
    """What came back, content encoding included."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str | None:
        """A header's value, whatever the case of its name."""
        found = [value for each, value in self.headers.items() if each.lower() == name.lower()]
        return found[0] if found else None

    @property
    def json(self) -> Any:
        """The body, which must be strict JSON: Python's own parser takes a bare NaN."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"not JSON: {constant} in {self.body[:200]!r}")

        try:
            return json.loads(self.body, parse_constant=refuse)
        except ValueError as error:
            raise AssertionError(f"not JSON: {error} in {self.body[:200]!r}") from None


class Transport(Protocol):
    """Takes a request to a server. `path` is percent-encoded already."""

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The server's answer; nothing is added, retried, followed or decompressed."""
        ...


class UrlTransport:
    """A server at a URL, which may end in a path, as that of a stage does."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url.rstrip("/")
        self._pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT_S)

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request; urllib3's own `Accept-Encoding` and `User-Agent` are left out."""
        silent = dict.fromkeys(("accept-encoding", "user-agent"), urllib3.util.SKIP_HEADER)
        given = {name.lower(): value for name, value in headers.items()}
        response = self._pool.request(
            method,
            self._base + path,
            headers=silent | given,
            body=body or None,
            redirect=False,
            decode_content=False,
        )
        return Answer(response.status, dict(response.headers), response.data)

    def close(self) -> None:
        """Closes the connections."""
        self._pool.clear()
