"""Late facts: entries of an hour that was sealed without them, accounted in the first open one.

None should be: a put is abandoned a minute after its commit time, and an hour is sealed twenty
minutes after its end. A clock that is wrong by that much still does not change a bill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from infermeter.metering.documents import parse_entry
from infermeter.metering.findings import Finding, FindingKind
from infermeter.metering.fold import identity_hash
from infermeter.metering.hours import after, hour_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from infermeter.metering.adjustment import Adjustments
    from infermeter.metering.archive import Archive
    from infermeter.metering.findings import FindingStore
    from infermeter.metering.ledger import LedgerEntry, LedgerReader
    from infermeter.metering.seal import ManifestStore, UsageStore


class Lateness:
    """Compares what is in the ledger and the archive now with what was sealed then."""

    def __init__(
        self,
        *,
        ledger: LedgerReader,
        archive: Archive,
        usage: UsageStore,
        manifests: ManifestStore,
        adjustments: Adjustments,
        findings: FindingStore,
    ) -> None:
        self._ledger, self._archive, self._usage = ledger, archive, usage
        self._manifests, self._adjustments, self._findings = manifests, adjustments, findings

    def carry(self, hour: str, tenants: Iterable[str]) -> list[LedgerEntry]:
        """The late entries of an hour, each of them carried now if it was not before.

        Tenants whose hour is open are left out. Raises Unavailable; calling again goes on.
        """
        sealed = {
            tenant: self._sealed(tenant, hour)
            for tenant in tenants
            if self._usage.watermark(tenant) > hour
        }
        late: dict[tuple[str, bytes], LedgerEntry] = {}
        for entry in self._entries(hour, sealed):
            identity = identity_hash(entry.identity)
            if identity not in sealed[entry.tenant]:
                late.setdefault((entry.tenant, identity), entry)
        for entry in late.values():
            self._adjustments.carry(entry)
            details = {"identity": entry.identity, "hour": hour}
            at = entry.committed_ms // 1000
            self._findings.record(Finding(FindingKind.LATE, entry.tenant, at, details))
        return list(late.values())

    def _sealed(self, tenant: str, hour: str) -> frozenset[bytes]:
        """Of an hour that was passed over as empty, there is no seal and nothing in it."""
        for seal in self._usage.seals(tenant, hour, after(hour)):
            return self._manifests.read(tenant, hour, seal.manifest)
        return frozenset()

    def _entries(self, hour: str, sealed: dict[str, frozenset[bytes]]) -> Iterator[LedgerEntry]:
        for tenant in sealed:
            yield from self._ledger.committed(tenant, hour)
        if not sealed:
            return
        for line in self._archive.lines(hour):
            document = orjson.loads(line)
            identities = sealed.get(document["tenant"])
            identity = f"{document['kind']}#{document['number']}#{document['id']}"
            if identities is not None and identity_hash(identity) not in identities:
                entry = parse_entry(document)
                if hour_of(entry.committed_ms) == hour:
                    yield entry
