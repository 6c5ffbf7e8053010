"""Sealed usage that its receiver has not acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from infermeter.metering.hours import bounds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infermeter.export.configuration import ExportStore
    from infermeter.export.outbox import Outbox
    from infermeter.metering.seal import UsageStore


class PendingExport(NamedTuple):
    """A tenant's first hour of which a target has not acknowledged all; over since `at`, in epoch
    seconds."""

    at: int
    target: str
    tenant: str
    hour: str


class ExportBacklog:
    """What is sealed and not acknowledged, whether it is in the outbox yet or not."""

    def __init__(self, exports: ExportStore, outbox: Outbox, usage: UsageStore) -> None:
        self._exports, self._outbox, self._usage = exports, outbox, usage

    def oldest_pending(self) -> PendingExport | None:
        """The oldest of all targets. Raises StoreUnavailable."""
        return min(self._pending(), default=None)

    def _pending(self) -> Iterator[PendingExport]:
        known = {target.name for target in self._exports.configuration().targets}
        for account in self._exports.accounts():
            if account.target not in known:
                continue  # it was taken out of the configuration
            progress = self._outbox.progress(account.target, account.tenant)
            hour = progress.cursor if progress else account.start
            if hour < self._usage.watermark(account.tenant):
                at = bounds_of(hour)[1] // 1000
                yield PendingExport(at, account.target, account.tenant, hour)
