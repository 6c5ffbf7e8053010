"""Answers over the transport's limit: stored for their tenant, and read by a signed URL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from infermeter.service import Call

ANSWER_LIFETIME_S = 60 * 60


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """`size` bytes that a GET of `url` reads until `expires_at` (epoch seconds)."""

    url: str
    size: int
    expires_at: float


class AnswerStore(Protocol):
    """Where large answers lie."""

    def put(self, call: Call, version: str, content: bytes) -> None:
        """Stores what this version answered. The first content stands: a replay finds it."""
        ...

    def sign_get(self, call: Call, version: str, lifetime_s: int) -> str:
        """A URL that reads it."""
        ...


class LargeAnswers:
    """Keeps answers that no response can carry."""

    def __init__(self, store: AnswerStore, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock

    def keep(self, call: Call, version: str, content: bytes) -> StoredAnswer:
        """The answer, stored. Raises StoreUnavailable."""
        self._store.put(call, version, content)
        url = self._store.sign_get(call, version, ANSWER_LIFETIME_S)
        return StoredAnswer(url, len(content), self._clock() + ANSWER_LIFETIME_S)
