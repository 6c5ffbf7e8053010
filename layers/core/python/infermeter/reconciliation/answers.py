"""What the gateway answered and what the function says it served, as their logs tell it.

Both logs name an attempt by the gateway's request id; the function's alone says for which request
id it was. Ids are kept as hashes of 16 bytes: an hour of 1,000,000 requests fits in memory.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infermeter.metering.ledger import Billed

# A request is answered within 29 s, and no two clocks here differ by the rest.
SLACK_MS = 60_000


def mark(*names: str) -> bytes:
    """16 bytes that stand for a gateway's id, or for a tenant and its request id."""
    return sha256("\0".join(names).encode()).digest()[:16]


class Answer(NamedTuple):
    """The gateway's answer to one attempt on a charged route; `at_ms` is when it came in."""

    gateway: bytes
    status: int
    at_ms: int

    @property
    def delivered(self) -> bool:
        """Whether it was a 2xx: the caller may have hung up, and was answered all the same."""
        return 200 <= self.status < 300


class Passage(NamedTuple):
    """One attempt that the function served, by its own log; `at_ms` is when it wrote so."""

    gateway: bytes
    tenant: str
    request_id: str
    billed: Billed
    at_ms: int

    @property
    def key(self) -> bytes:
        """The mark of what it was charged as."""
        return mark(self.tenant, self.request_id)


class AccessLog(Protocol):
    """The gateway's access log."""

    def answers(self, start_ms: int, end_ms: int) -> Iterator[Answer]:
        """Of requests to charged routes that came from `start_ms` up to, and without, `end_ms`.

        Raises StoreUnavailable.
        """
        ...


class FunctionLog(Protocol):
    """The log of the function behind the gateway."""

    def passages(self, start_ms: int, end_ms: int, *, new: bool = False) -> Iterator[Passage]:
        """Replays and pending charges told of from `start_ms` up to, and without, `end_ms`;
        with `new`, every charge too, which is most of the log. Raises StoreUnavailable.
        """
        ...
