"""Entries that came after their hour was sealed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infermeter.metering.adjustment import Adjustments
from infermeter.metering.archive import line_of
from infermeter.metering.findings import FindingKind
from infermeter.metering.fold import fold
from infermeter.metering.hours import after, hour_of
from infermeter.metering.lateness import Lateness
from infermeter.metering.ledger import Kind, LedgerEntry
from infermeter.metering.seal import Seal
from tests.ports import NOW, Clock, MemoryLedger
from tests.ports_metering import MemoryArchive, MemoryFindings, MemoryManifests, MemoryUsage
from tests.unit.metering.test_fold import HOUR, charge

LATER = NOW + 2 * 3600


class Scene:
    """Tenants whose hour was sealed with what was there."""

    def __init__(self, *sealed: LedgerEntry) -> None:
        self.ledger, self.archive = MemoryLedger(), MemoryArchive()
        self.usage, self.manifests = MemoryUsage(), MemoryManifests()
        self.findings = MemoryFindings()
        for entry in sealed:
            self.add(entry)
        for tenant in {entry.tenant for entry in sealed}:
            folded = fold(tenant, HOUR, sealed)
            manifest = self.manifests.write(tenant, HOUR, folded.identities)
            self.usage.watermarks[tenant] = HOUR
            self.usage.seal(Seal(tenant, HOUR, folded.summary, int(NOW), manifest), folded.rows)
        self.lateness = Lateness(
            ledger=self.ledger,
            archive=self.archive,
            usage=self.usage,
            manifests=self.manifests,
            adjustments=Adjustments(self.ledger, self.ledger, Clock(LATER)),
            findings=self.findings,
        )

    def add(self, entry: LedgerEntry, *, table: bool = True, archive: bool = True) -> None:
        if table:
            self.ledger.put(entry)
        if archive:
            self.archive.write(HOUR, str(len(self.archive.objects)), [line_of(entry)])

    def carries(self) -> list[LedgerEntry]:
        return [each for each in self.ledger.entries.values() if each.kind is Kind.CARRY]


def test_of_what_was_sealed_nothing_is_late() -> None:
    scene = Scene(charge(1), charge(2))
    assert scene.lateness.carry(HOUR, ["a"]) == []
    assert (scene.carries(), scene.findings.found) == ([], {})


@pytest.mark.parametrize("place", [{"table": False}, {"archive": False}, {}])
def test_what_came_later_is_carried_once_and_found(place: dict[str, bool]) -> None:
    scene = Scene(charge(1))
    late = charge(2, units=5)
    scene.add(late, **place)
    assert scene.lateness.carry(HOUR, ["a"]) == [late]
    assert scene.lateness.carry(HOUR, ["a"]) == [late]
    (carry,) = scene.carries()
    assert (carry.units, hour_of(carry.committed_ms)) == (5, hour_of(int(LATER * 1000)))
    (found,) = scene.findings.found.values()
    assert (found.kind, found.tenant) == (FindingKind.LATE, "a")
    assert found.details == {"identity": late.identity, "hour": HOUR}


def test_in_an_hour_passed_over_as_empty_everything_is_late() -> None:
    scene = Scene()
    scene.usage.watermarks["a"] = after(HOUR)
    scene.add(charge(1))
    assert scene.lateness.carry(HOUR, ["a"]) == [charge(1)]


def test_in_an_open_hour_nothing_is_late() -> None:
    scene = Scene()
    scene.usage.watermarks["a"] = HOUR
    scene.add(charge(1))
    assert scene.lateness.carry(HOUR, ["a", "nobody"]) == []
    assert scene.archive.reads == []


def test_tenants_are_apart() -> None:
    scene = Scene(charge(1), charge(2, tenant="b"))
    scene.add(charge(2))
    assert scene.lateness.carry(HOUR, ["a", "b"]) == [charge(2)]
    scene.add(charge(3, tenant="c"))
    assert scene.lateness.carry(HOUR, ["a", "b"]) == [charge(2)]


def test_an_adjustment_may_be_late_and_is_carried_beside_its_charge() -> None:
    scene = Scene()
    scene.usage.watermarks["a"] = after(HOUR)
    some = [charge(1), charge(1, kind=Kind.ADJUSTMENT, units=-1, requests=0)]
    for entry in some:
        scene.add(entry)
    scene.lateness.carry(HOUR, ["a"])
    assert sorted(each.units for each in scene.carries()) == [-1, 1]


def test_what_an_object_has_of_another_hour_is_left_out() -> None:
    scene = Scene(charge(1))
    scene.add(replace(charge(2), committed_ms=int(LATER * 1000)), table=False)
    assert scene.lateness.carry(HOUR, ["a"]) == []
