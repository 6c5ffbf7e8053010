"""What lasts too long, and what others found."""

from __future__ import annotations

import pytest

from infermeter.export.configuration import Account, Configuration, Target, TargetKind
from infermeter.export.outbox import Progress
from infermeter.metering.findings import Finding, FindingKind
from infermeter.metering.ledger import Kind
from infermeter.reconciliation.standing import Depth
from infermeter.tenants.keys import TenantRecord
from tests.ports import NOW
from tests.ports_reconciliation import NOW_MS, TENANT, Site, an_entry, hour_before

CSV = Target("files", TargetKind.CSV)


@pytest.fixture
def site() -> Site:
    return Site()


def kinds(site: Site) -> list[FindingKind]:
    return [finding.kind for finding in site.run().findings]


def test_nothing_is_wrong(site: Site) -> None:
    report = site.run()
    assert report.findings == []
    assert set(report.document()["counts"].values()) == {0}
    assert len(report.document()["counts"]) == len(FindingKind)


@pytest.mark.parametrize(("age_s", "found"), [(14 * 60, False), (16 * 60, True)])
def test_the_spools_age(site: Site, age_s: int, found: bool) -> None:
    site.spool.now = Depth(7, int(NOW) - age_s)
    assert kinds(site) == [FindingKind.SPOOL_AGE] * found


def test_a_spool_in_which_nothing_was_seen_has_no_age(site: Site) -> None:
    site.spool.now = Depth(7, None)
    assert kinds(site) == []


@pytest.mark.parametrize(("hours", "found"), [(6, False), (8, True)])
def test_an_hour_that_its_receiver_has_not_acknowledged(
    site: Site, hours: int, found: bool
) -> None:
    cursor = hour_before(hours)
    site.exports.put(Configuration((CSV,)))
    site.exports.add(Account(TENANT, "files", "customer", hour_before(20)))
    site.outbox.progresses["files", TENANT] = Progress(hour_before(0), cursor)
    site.usage.watermarks[TENANT] = hour_before(0)
    report = site.run()
    assert [finding.kind for finding in report.findings] == [FindingKind.OUTBOX_AGE] * found
    assert [finding.details for finding in report.findings] == [
        {"target": "files", "hour": cursor}
    ] * found


def test_an_export_that_never_began_is_waited_for_too(site: Site) -> None:
    site.exports.put(Configuration((CSV,)))
    site.exports.add(Account(TENANT, "files", "customer", hour_before(20)))
    site.usage.watermarks[TENANT] = hour_before(0)
    assert kinds(site) == [FindingKind.OUTBOX_AGE]


def test_an_export_that_begins_later_and_one_whose_target_is_gone(site: Site) -> None:
    site.exports.put(Configuration((CSV,)))
    site.exports.add(Account(TENANT, "files", "customer", hour_before(-20)))
    site.exports.add(Account(TENANT, "gone", "customer", hour_before(20)))
    site.usage.watermarks[TENANT] = hour_before(0)
    assert kinds(site) == []


@pytest.mark.parametrize(("hours", "found"), [(2, False), (3, True)])
def test_an_hour_that_is_not_sealed(site: Site, hours: int, found: bool) -> None:
    site.usage.watermarks[TENANT] = hour_before(hours)
    report = site.job().run()
    assert [finding.kind for finding in report.findings] == [FindingKind.UNSEALED] * found


def test_a_tenant_that_was_never_sealed(site: Site) -> None:
    site.tenants.append(TenantRecord("old", int(NOW) - 5 * 3600))
    site.usage.watermarks[TENANT] = hour_before(0)
    (finding,) = site.job().run().findings
    assert (finding.kind, finding.tenant) == (FindingKind.UNSEALED, "old")


@pytest.mark.parametrize(
    ("kind", "tenant"),
    [
        (FindingKind.MODIFIED, TENANT),
        (FindingKind.CONFLICT, TENANT),
        (FindingKind.UNSEALED, "stranger"),
    ],
)
def test_what_others_found_is_told_for_a_day(site: Site, kind: FindingKind, tenant: str) -> None:
    site.findings.record(Finding(kind, tenant, int(NOW) - 60, {"place": "x"}))
    assert kinds(site) == [kind]
    assert len(site.findings.found) == 1
    site.clock.now += 24 * 3600
    assert kinds(site) == []


def test_an_entry_that_its_hour_was_sealed_without_is_carried_once(site: Site) -> None:
    site.clock.now += 3 * 3600
    site.charge(NOW_MS, gateway="early")
    site.answer("early", 200, NOW_MS)
    site.seal()
    late = an_entry("late", NOW_MS, "late")
    site.ledger.put(late)
    site.answer("late", 200, NOW_MS)
    report = site.run()
    assert [finding.kind for finding in report.findings] == [FindingKind.LATE]
    assert [act["id"] for act in report.document()["carried"]] == ["late"]
    again = site.run(hour_before(0))
    assert again.counts[FindingKind.LATE] == 1
    assert again.carried == []
    carries = [e for e in site.ledger.entries.values() if e.kind is Kind.CARRY]
    assert len(carries) == 1
    assert len(site.of_kind(FindingKind.LATE)) == 1


def test_one_that_came_after_the_check_is_carried_a_day_later(site: Site) -> None:
    site.charge(NOW_MS, gateway="early")
    site.answer("early", 200, NOW_MS)
    site.pass_hours(5)
    late = an_entry("late", NOW_MS, "late")
    site.ledger.put(late)
    site.answer("late", 200, NOW_MS)
    site.pass_hours(22)
    assert len(site.of_kind(FindingKind.LATE)) == 1


def test_what_is_not_sealed_is_no_backlog_of_the_export(site: Site) -> None:
    site.exports.put(Configuration((CSV,)))
    site.exports.add(Account(TENANT, "files", "customer", hour_before(20)))
    site.outbox.progresses["files", TENANT] = Progress(hour_before(8), hour_before(8))
    site.usage.watermarks[TENANT] = hour_before(8)
    assert [finding.kind for finding in site.job().run().findings] == [FindingKind.UNSEALED]
