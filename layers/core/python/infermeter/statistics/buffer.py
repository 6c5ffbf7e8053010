"""Counts are gathered in memory and written at most every `FLUSH_S`: no request has a write.

What an execution environment still holds when it is reclaimed is lost, and so is what a store
that does not answer was to be given. So the sums are approximate; bills come from the ledger.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from infermeter.statistics.counters import Counters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infermeter.registry.catalog import ModelVersion

FLUSH_S = 10.0
# What one write may take at most: without this much time left for the answer, it has to wait.
WRITE_BUDGET_S = 2.0

_log = logging.getLogger(__name__)


class StatisticsStore(Protocol):
    """Where counts of all environments are summed."""

    def add(self, model: str, version: str, counters: Counters) -> None:
        """Adds to what stands. Raises StoreUnavailable when it may not have."""
        ...

    def of_model(self, model: str) -> Mapping[str, Counters]:
        """The sums by version. Raises StoreUnavailable."""
        ...


class Unkept:
    """The store of a function that was given none."""

    def add(self, model: str, version: str, counters: Counters) -> None:
        """Keeps nothing."""

    def of_model(self, _: str) -> Mapping[str, Counters]:
        """No sums."""
        return {}


class StatisticsBuffer:
    """One environment's counts on their way to the store.

    An environment serves one event at a time, so that nothing here is locked.
    """

    def __init__(self, store: StatisticsStore, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock
        self._held: dict[tuple[str, str], Counters] = {}
        self._held_since: float | None = None

    def of(self, version: ModelVersion) -> Counters:
        """The version's counts since the last flush, to count in."""
        key = (version.model, version.version)
        counters = self._held.get(key)
        if counters is None:
            counters = self._held[key] = Counters()
        return counters

    def flush_due(self, deadline: float) -> None:
        """Flushes what has been held for `FLUSH_S`. To be called once the answer is made."""
        if not self._held:
            return
        now = self._clock()
        if self._held_since is None:
            self._held_since = now
        elif now - self._held_since >= FLUSH_S:
            self.flush(deadline)

    def flush(self, deadline: float) -> None:
        """One write for each version that has counts, while `deadline` (epoch seconds) permits.

        Never raises: at the first failure all that is held is dropped, since it is not known
        what was added, and others wait for the answer that was charged.
        """
        try:
            while self._held:
                if self._clock() + WRITE_BUDGET_S > deadline:
                    return
                (model, version), counters = self._held.popitem()
                self._store.add(model, version, counters)
        except Exception:  # noqa: BLE001  whatever it is, the answer was charged and must go out
            self._held.clear()
            _log.warning("statistics: a write failed; what was held is dropped", exc_info=True)
        self._held_since = None

    def of_model(self, model: str, deadline: float) -> Mapping[str, Counters]:
        """The sums by version, this environment's own counts among them if time permits.

        Raises StoreUnavailable.
        """
        self.flush(deadline)
        return self._store.of_model(model)
