"""When keys were last used: written at most once a minute for each, after the answer is made.

A key's first use in an environment is written at once; of the uses within a minute of a write
the last is written with the first request past it. So what is stored may lag behind by that
minute, and by what an environment still held when it was reclaimed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

WRITE_EVERY_S = 60.0
# What one write may take at most: without this much time left for the answer, it has to wait.
WRITE_BUDGET_S = 2.0
_MAX_KEYS = 10_000

_log = logging.getLogger(__name__)


class LastUses(Protocol):
    """Where last uses of all environments are kept."""

    def used(self, key_id: str, at: int) -> None:
        """Notes a use (epoch seconds), unless a later one is there. Raises StoreUnavailable."""
        ...


class UnkeptUses:
    """The store of a function that was given none."""

    def used(self, key_id: str, at: int) -> None:
        """Keeps nothing."""


class Activity:
    """One environment's uses of keys on their way to the store.

    An environment serves one event at a time, so that nothing here is locked.
    """

    def __init__(self, store: LastUses, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock
        self._held: dict[str, int] = {}
        self._written: dict[str, float] = {}

    def note(self, key_id: str) -> None:
        """The key is used now."""
        self._held[key_id] = int(self._clock())

    def flush_due(self, deadline: float) -> None:
        """Writes the uses whose minute is over, while `deadline` (epoch seconds) permits.

        Never raises: a use that cannot be written is forgotten, and the key's next one waits a
        minute, so that a store that does not answer delays few answers.
        """
        if not self._held:
            return
        now = self._clock()
        due = [key for key in self._held if now - self._written.get(key, 0.0) >= WRITE_EVERY_S]
        for key_id in due:
            if self._clock() + WRITE_BUDGET_S > deadline:
                return
            if len(self._written) >= _MAX_KEYS:
                self._written.clear()
            self._written[key_id] = now
            try:
                self._store.used(key_id, self._held.pop(key_id))
            except Exception:  # noqa: BLE001  whatever it is, the answer was charged and must go out
                _log.warning("last use: a write failed; it is dropped", exc_info=True)
                return
