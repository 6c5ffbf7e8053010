"""The sealing job over memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from infermeter.errors import StoreUnavailable
from infermeter.metering.archive import line_of
from infermeter.metering.findings import FindingKind
from infermeter.metering.fold import fold, identity_hash
from infermeter.metering.hours import after, bounds_of
from infermeter.metering.sealing import OVERDUE_MS, SETTLED_MS, Sealing, SealingReport
from infermeter.tenants.keys import TenantRecord
from tests.ports import Clock, MemoryKeys, MemoryLedger
from tests.ports_metering import MemoryArchive, MemoryFindings, MemoryManifests, MemoryUsage
from tests.unit.metering.test_fold import HOUR, charge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infermeter.metering.ledger import LedgerEntry

END_S = bounds_of(HOUR)[1] / 1000
SETTLED_S = END_S + SETTLED_MS / 1000
BORN = int(END_S) - 1800


class CountingLedger(MemoryLedger):
    """A ledger that counts the reads of each tenant's hours, and cannot read some tenants'."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: Counter[tuple[str, str]] = Counter()
        self.broken: set[str] = set()

    def committed(self, tenant: str, hour: str) -> list[LedgerEntry]:
        self.reads[tenant, hour] += 1
        if tenant in self.broken:
            raise StoreUnavailable("ledger table: gone; retry")
        return super().committed(tenant, hour)


class Ticking(Clock):
    """A clock that goes on by a second at each look."""

    def __call__(self) -> float:
        self.now += 1
        return self.now


class Scene:
    """Tenants born within HOUR, whose entries went both ways."""

    def __init__(self, *entries: LedgerEntry, tenants: Iterable[str] = "a") -> None:
        self.ledger, self.archive, self.usage = CountingLedger(), MemoryArchive(), MemoryUsage()
        self.manifests, self.findings = MemoryManifests(), MemoryFindings()
        self.clock = Clock(SETTLED_S)
        keys = MemoryKeys(owners={each: TenantRecord(each, BORN) for each in tenants})
        for entry in entries:
            self.add(entry)
        self.sealing = Sealing(
            keys=keys,
            ledger=self.ledger,
            archive=self.archive,
            usage=self.usage,
            manifests=self.manifests,
            findings=self.findings,
            clock=self.clock,
        )

    def add(self, entry: LedgerEntry, *, table: bool = True, archive: bool = True) -> None:
        if table:
            self.ledger.put(entry)
        if archive:
            hour = next(each for each in (after(HOUR, n) for n in range(-1, 9)) if _in(entry, each))
            self.archive.write(hour, entry.identity, [line_of(entry)])

    def run(self, **options: object) -> SealingReport:
        return self.sealing.run(**options)


def _in(entry: LedgerEntry, hour: str) -> bool:
    start, end = bounds_of(hour)
    return start <= entry.committed_ms < end


def at(hours: int, number: int = 0, **changes: object) -> LedgerEntry:
    """An entry committed so many hours after HOUR."""
    entry = charge(1000 * hours + number)
    return replace(entry, committed_ms=entry.committed_ms + hours * 3_600_000, **changes)


def test_an_hour_in_which_both_folds_agree_is_sealed() -> None:
    entries = [charge(1), charge(2, key_id="k2")]
    scene = Scene(*entries)
    (seal,) = scene.run().sealed
    folded = fold("a", HOUR, entries)
    assert (seal.tenant, seal.hour, seal.summary) == ("a", HOUR, folded.summary)
    assert seal.sealed_at == int(SETTLED_S)
    assert tuple(scene.usage.rows("a", HOUR, after(HOUR))) == folded.rows
    assert scene.usage.watermark("a") == after(HOUR)
    expected = {identity_hash(each.identity) for each in entries}
    assert scene.manifests.read("a", HOUR, seal.manifest) == expected


def test_an_hour_is_sealed_twenty_minutes_after_its_end_and_no_sooner() -> None:
    scene = Scene(charge())
    scene.clock.now = SETTLED_S - 0.001
    assert scene.run().sealed == []
    assert scene.usage.watermark("a") <= HOUR
    scene.clock.now = SETTLED_S
    assert len(scene.run().sealed) == 1


def test_a_sealed_hour_is_not_looked_at_again() -> None:
    scene = Scene(charge())
    scene.run()
    reads = scene.ledger.reads.copy()
    assert scene.run().document() == {
        "sealed": [],
        "open": [],
        "disagreements": [],
        "failures": [],
    }
    assert scene.ledger.reads == reads


def test_a_new_tenants_first_hour_is_the_one_before_its_making() -> None:
    early = replace(charge(), committed_ms=charge().committed_ms - 3_600_000)
    scene = Scene(early)
    assert [seal.hour for seal in scene.run().sealed] == [after(HOUR, -1)]


def test_empty_hours_are_passed_over_without_a_seal() -> None:
    scene = Scene()
    scene.clock.now += 5 * 3600
    assert scene.run().sealed == []
    assert scene.usage.watermark("a") == after(HOUR, 6)
    assert set(scene.ledger.reads.values()) == {1}


def test_empty_hours_before_and_after_do_not_matter() -> None:
    scene = Scene(at(2))
    scene.clock.now += 4 * 3600
    assert [seal.hour for seal in scene.run().sealed] == [after(HOUR, 2)]
    assert scene.usage.watermark("a") == after(HOUR, 5)


@pytest.mark.parametrize("lacking", [{"table": False}, {"archive": False}])
def test_an_hour_in_which_the_folds_differ_is_not_sealed(lacking: dict[str, bool]) -> None:
    scene = Scene(charge(1))
    scene.add(charge(2), **lacking)
    report = scene.run()
    ((disagreement,), [opened]) = (report.disagreements, report.open)
    counts = (disagreement.archive.count, disagreement.table.count)
    assert sorted(counts) == [1, 2]
    assert (report.sealed, opened) == ([], ("a", HOUR))
    assert scene.usage.watermark("a") == HOUR
    assert scene.findings.found == {}
    scene.add(charge(2))
    assert len(scene.run().sealed) == 1


@pytest.mark.parametrize(
    "changes", [{"units": 2}, {"key_id": "k2"}, {"price": "pro:2"}, {"tokens": 1}]
)
def test_the_folds_must_agree_on_more_than_the_count(changes: dict[str, object]) -> None:
    scene = Scene()
    scene.add(charge(1), archive=False)
    scene.add(charge(1, **changes), table=False)
    report = scene.run()
    assert (report.sealed, len(report.disagreements)) == ([], 1)


def test_an_hour_that_stays_open_keeps_the_later_ones_open() -> None:
    scene = Scene(at(1), tenants="ab")
    scene.add(charge(1), archive=False)
    scene.add(at(1, tenant="b"))
    scene.clock.now += 3600
    report = scene.run()
    assert [(seal.tenant, seal.hour) for seal in report.sealed] == [("b", after(HOUR))]
    assert report.open == [("a", HOUR)]


def test_an_hour_open_for_two_hours_is_one_finding() -> None:
    scene = Scene()
    scene.add(charge(1), archive=False)
    scene.clock.now = END_S + OVERDUE_MS / 1000 - 1
    scene.run()
    assert scene.findings.found == {}
    scene.clock.now += 1
    scene.run()
    scene.run()
    (found,) = scene.findings.found.values()
    assert (found.kind, found.tenant, found.at) == (FindingKind.UNSEALED, "a", int(END_S))
    assert found.details == {"hour": HOUR}


def test_a_store_that_fails_for_one_tenant_does_not_stop_another() -> None:
    scene = Scene(charge(1), charge(2, tenant="b"), tenants="ab")
    scene.ledger.broken = {"a"}
    report = scene.run()
    assert [seal.tenant for seal in report.sealed] == ["b"]
    assert report.open == [("a", after(HOUR, -1))]
    assert "ledger table" in report.failures[0]
    scene.ledger.broken = set()
    assert [seal.tenant for seal in scene.run().sealed] == ["a"]


def test_an_hour_that_cannot_be_read_for_two_hours_is_a_finding() -> None:
    scene = Scene(charge())
    scene.ledger.broken = {"a"}
    scene.clock.now += 3600
    scene.run()
    (found,) = scene.findings.found.values()
    assert found.details == {"hour": after(HOUR, -1)}


def test_entries_of_a_tenant_that_nobody_knows_are_found() -> None:
    scene = Scene(charge(1), charge(2, tenant="stranger"))
    scene.run()
    (found,) = scene.findings.found.values()
    assert (found.kind, found.tenant) == (FindingKind.UNSEALED, "stranger")


def test_until_is_the_last_hour_to_be_sealed() -> None:
    scene = Scene(charge(), at(1), at(2))
    scene.clock.now += 5 * 3600
    assert [seal.hour for seal in scene.run(until=after(HOUR)).sealed] == [HOUR, after(HOUR)]
    assert [seal.hour for seal in scene.run().sealed] == [after(HOUR, 2)]


def test_until_does_not_seal_what_is_not_settled() -> None:
    scene = Scene(charge(), at(1))
    assert [seal.hour for seal in scene.run(until=after(HOUR, 5)).sealed] == [HOUR]


def test_a_backlog_is_taken_up_where_the_deadline_left_it() -> None:
    scene = Scene(*(at(hours, tenant=each) for hours in range(6) for each in "ab"), tenants="ab")
    scene.clock.now += 6 * 3600
    scene.sealing._clock = clock = Ticking(scene.clock.now)
    runs, sealed = 0, []
    while len(sealed) < 12:
        runs += 1
        assert runs < 40
        report = scene.run(deadline=clock.now + 8)
        sealed += [(seal.tenant, seal.hour) for seal in report.sealed]
        assert report.open or len(sealed) == 12
    assert runs > 1
    assert sorted(sealed) == [(each, after(HOUR, hours)) for each in "ab" for hours in range(6)]


def test_one_archived_hour_is_read_once_for_all_tenants() -> None:
    scene = Scene(charge(1), charge(2, tenant="b"), charge(3, tenant="c"), tenants="abc")
    scene.run()
    assert Counter(scene.archive.reads) == {after(HOUR, -1): 1, HOUR: 1}


def test_a_run_that_was_overtaken_seals_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(charge())
    write, others = scene.manifests.write, []

    def overtaken(*what: object) -> str:
        monkeypatch.setattr(scene.manifests, "write", write)
        others.append(scene.run())
        return write(*what)

    monkeypatch.setattr(scene.manifests, "write", overtaken)
    assert scene.run().sealed == []
    assert len(others[0].sealed) == 1
    assert len(scene.usage.kept_seals) == 1


def test_an_hour_is_repaired_from_the_table() -> None:
    scene = Scene(charge(1), tenants="ab")
    for entry in (charge(2), charge(3, tenant="b")):
        scene.add(entry, archive=False)
    assert scene.run().sealed == []
    assert scene.sealing.repair(HOUR) == 2
    assert scene.sealing.repair(HOUR) == 0
    assert sorted(seal.tenant for seal in scene.run().sealed) == ["a", "b"]
