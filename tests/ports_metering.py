"""In-memory stand-ins behind metering's ports."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infermeter.errors import StoreUnavailable
from infermeter.metering.hours import after

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from infermeter.metering.findings import Finding, FindingKind
    from infermeter.metering.fold import UsageRow
    from infermeter.metering.seal import Seal


@dataclass
class MemoryFindings:
    """The `FindingStore` in a dict."""

    found: dict[tuple[str, str], Finding] = field(default_factory=dict)

    def record(self, finding: Finding) -> bool:
        place = (finding.kind.value, finding.place)
        new = place not in self.found
        self.found.setdefault(place, finding)
        return new

    def of_kind(self, kind: FindingKind, start: int, end: int) -> list[Finding]:
        places = sorted(place for place in self.found if place[0] == kind.value)
        return [self.found[each] for each in places if start <= self.found[each].at < end]


@dataclass
class MemoryArchive:
    """The `Archive` in dicts: by hour, by name and content, lines."""

    objects: dict[str, dict[str, list[bytes]]] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)

    def write(self, hour: str, name: str, lines: Sequence[bytes]) -> None:
        digest = hashlib.sha256(b"\n".join(lines)).hexdigest()[:12]
        self.objects.setdefault(hour, {})[f"{name}-{digest}"] = list(lines)

    def lines(self, hour: str) -> Iterator[bytes]:
        self.reads.append(hour)
        for lines in self.objects.get(hour, {}).values():
            yield from lines


@dataclass
class MemoryManifests:
    """The `ManifestStore` in a dict."""

    kept: dict[tuple[str, str, str], frozenset[bytes]] = field(default_factory=dict)

    def write(self, tenant: str, hour: str, identities: frozenset[bytes]) -> str:
        manifest = hashlib.sha256(b"".join(sorted(identities))).hexdigest()
        self.kept[tenant, hour, manifest] = identities
        return manifest

    def read(self, tenant: str, hour: str, manifest: str) -> frozenset[bytes]:
        if (tenant, hour, manifest) not in self.kept:
            raise StoreUnavailable(f"manifest of {tenant} {hour}: none")
        return self.kept[tenant, hour, manifest]


@dataclass
class MemoryUsage:
    """The `UsageStore` in dicts."""

    watermarks: dict[str, str] = field(default_factory=dict)
    kept_rows: dict[tuple[str, str], list[UsageRow]] = field(default_factory=dict)
    kept_seals: dict[tuple[str, str], Seal] = field(default_factory=dict)

    def watermark(self, tenant: str) -> str:
        return self.watermarks.get(tenant, "")

    def seal(self, seal: Seal, rows: Sequence[UsageRow]) -> bool:
        if self.watermark(seal.tenant) != seal.hour:
            return False
        self.kept_rows[seal.tenant, seal.hour] = list(rows)
        self.kept_seals[seal.tenant, seal.hour] = seal
        self.watermarks[seal.tenant] = after(seal.hour)
        return True

    def pass_over(self, tenant: str, since: str, hour: str) -> bool:
        if self.watermark(tenant) != since:
            return False
        self.watermarks[tenant] = hour
        return True

    def rows(self, tenant: str, start: str, end: str) -> list[UsageRow]:
        places = sorted(self.kept_rows)
        return [
            row
            for place in places
            if place[0] == tenant and start <= place[1] < end
            for row in self.kept_rows[place]
        ]

    def seals(self, tenant: str, start: str, end: str) -> list[Seal]:
        places = sorted(self.kept_seals)
        return [
            self.kept_seals[each] for each in places if each[0] == tenant and start <= each[1] < end
        ]
