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


class ManifestStore(Protocol):
    """Where the identities of what a seal covers are kept."""

    def write(self, tenant: str, hour: str, identities: frozenset[bytes]) -> str:
        """Keeps the hour's identities, 16 bytes each; the SHA-256 (hex) by which they are read.

        Raises StoreUnavailable.
        """
        ...

    def read(self, tenant: str, hour: str, manifest: str) -> frozenset[bytes]:
        """The identities of a seal's `manifest`. Raises StoreUnavailable."""
        ...


class UsageStore(Protocol):
    """Where usage rows and seals are kept. An hour without entries has no seal of its own: it is
    sealed when the tenant's watermark is past it. Every method raises StoreUnavailable."""

    def watermark(self, tenant: str) -> str:
        """The first hour that is not sealed (`yyyymmddhh`): all before it are. "" for none yet."""
        ...

    def seal(self, seal: Seal, rows: Sequence[UsageRow]) -> bool:
        """Writes the hour's rows, then its seal, and moves the watermark past it.

        False when the watermark is not at that hour (it is sealed already), or when another run
        writes it at the same time: nothing of a sealed hour is changed.
        """
        ...

    def pass_over(self, tenant: str, since: str, hour: str) -> bool:
        """Moves the watermark from `since` ("" for none yet) to `hour`: all between was empty.

        False, and nothing is changed, when the watermark is not at `since`.
        """
        ...

    def rows(self, tenant: str, start: str, end: str) -> Iterable[UsageRow]:
        """The rows of sealed hours from `start` up to, and without, `end`, by hour and key."""
        ...

    def seals(self, tenant: str, start: str, end: str) -> Iterable[Seal]:
        """The seals of hours from `start` up to, and without, `end`, in order."""
        ...
