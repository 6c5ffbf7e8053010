"""Seals: an hour that is sealed never changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from infermeter.metering.fold import Summary, UsageRow


@dataclass(frozen=True, slots=True)
class Seal:
    """A tenant's sealed hour. `manifest` is the SHA-256 of its identities, as they were kept."""

    tenant: str
    hour: str
    summary: Summary
    sealed_at: int
    manifest: str = ""


class UsageStore(Protocol):
    """Where usage rows and seals are kept. An hour without entries has no seal of its own: it is
    sealed when the tenant's watermark is past it."""

    def watermark(self, tenant: str) -> str:
        """The first hour that is not sealed (`yyyymmddhh`): all before it are. "" for none yet."""
        ...

    def seal(self, seal: Seal, rows: Sequence[UsageRow]) -> bool:
        """Writes the hour's rows, then its seal, and moves the watermark past it.

        False, and nothing is changed, when the hour is sealed already. Hours are sealed in order.
        """
        ...

    def pass_over(self, tenant: str, hour: str) -> None:
        """Moves the watermark to `hour`: what lies before it, and is not sealed, was empty."""
        ...

    def rows(self, tenant: str, start: str, end: str) -> Iterable[UsageRow]:
        """The rows of sealed hours from `start` up to, and without, `end`."""
        ...

    def seals(self, tenant: str, start: str, end: str) -> Iterable[Seal]:
        """The seals of hours from `start` up to, and without, `end`, in order."""
        ...
