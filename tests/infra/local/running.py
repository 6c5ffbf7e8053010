"""A running server, as the tests see it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.credentials import local_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from infra.local import state


@dataclass(frozen=True)
class Local:
    """A running server with the tests' stacks deployed."""

    home: Path
    record: state.Record
    assembly: Path

    @property
    def url(self) -> str:
        return self.record.url

    @property
    def outputs(self) -> dict[str, str]:
        return self.record.outputs

    def client(self, service: str) -> Any:
        client: Any = local_session().client
        return client(service, endpoint_url=self.record.endpoint)


def eventually(probe: Callable[[], Any], limit_s: float = 20) -> Any:
    """The first true answer of `probe`; fails after `limit_s`."""
    deadline = time.monotonic() + limit_s
    while not (answer := probe()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
    return answer
