"""What to do while the limits' table does not answer: refuse, at once.

A limit that yields when its table is slow is none: a flood is what makes it slow. So rates fail
closed as budgets do. Having waited once, an environment does not wait again for `PAUSE_S`: else
each request would hold it for as long as the client is patient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.errors import StoreUnavailable

if TYPE_CHECKING:
    from types import TracebackType

PAUSE_S = 1.0


class Outage:
    """Guards uses of the table, which are to be within `with outage.at(now):`."""

    def __init__(self) -> None:
        self._until = 0.0
        self._now = 0.0

    def at(self, now: float) -> Outage:
        """Raises StoreUnavailable within `PAUSE_S` of an unanswered use."""
        if self._until - PAUSE_S <= now < self._until:
            raise StoreUnavailable("limits table: did not answer a moment ago; retry")
        self._now = now
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, StoreUnavailable):
            self._until = self._now + PAUSE_S
