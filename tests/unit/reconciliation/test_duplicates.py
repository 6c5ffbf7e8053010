"""Second charges, in the archive and the ledger."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infermeter.metering.archive import line_of
from infermeter.metering.findings import FindingKind
from infermeter.metering.hours import hour_of
from infermeter.metering.ids import derive_id
from infermeter.metering.ledger import Kind, LedgerEntry
from tests.ports_reconciliation import HOUR_MS, NOW_MS, Site, an_entry, hour_before

AT = NOW_MS - 2 * HOUR_MS


@pytest.fixture
def site() -> Site:
    return Site()


def archive(site: Site, *entries: LedgerEntry) -> None:
    for number, entry in enumerate(entries):
        hour = hour_of(entry.committed_ms)
        site.archive.write(hour, f"{number}-{entry.nonce}", [line_of(entry)])


def duplicates(site: Site) -> list[str]:
    report = site.job().run(hour_before(2))
    found = [f for f in report.findings if f.kind is FindingKind.DUPLICATE]
    return [str(finding.details["request_id"]) for finding in found]


def test_an_entry_that_was_archived_twice_is_one(site: Site) -> None:
    entry = an_entry("one", AT)
    archive(site, entry, entry, replace(entry))
    assert duplicates(site) == []


def test_two_charges_of_one_id_in_an_hour(site: Site) -> None:
    entry = an_entry("one", AT)
    archive(site, entry, replace(entry, nonce="another"), an_entry("two", AT))
    assert duplicates(site) == ["one"]


def test_one_attempt_that_was_put_twice_in_two_buckets(site: Site) -> None:
    entry = an_entry("one", AT)
    archive(site, entry, replace(entry, committed_ms=AT + 90_000))
    assert duplicates(site) == ["one"]


def test_an_id_of_two_tenants_is_two(site: Site) -> None:
    entry = an_entry("one", AT)
    archive(site, entry, replace(entry, nonce="another", tenant="zeta"))
    assert duplicates(site) == []


def test_corrections_are_no_charges(site: Site) -> None:
    entry = an_entry("one", AT)
    archive(site, entry, replace(entry, nonce="another", kind=Kind.ADJUSTMENT))
    assert duplicates(site) == []


def test_a_late_charge_beside_one_in_its_ids_own_hour(site: Site) -> None:
    request_id = derive_id(AT - 3 * HOUR_MS, "seed")
    first = replace(an_entry("", AT - 3 * HOUR_MS), request_id=request_id)
    archive(site, first, replace(first, nonce="another", committed_ms=AT))
    assert duplicates(site) == [request_id.text]


def test_a_late_charge_beside_another_that_stands_in_the_ledger(site: Site) -> None:
    request_id = derive_id(AT - 3 * HOUR_MS, "seed")
    late = replace(an_entry("", AT), request_id=request_id)
    site.ledger.put(replace(late, nonce="another", committed_ms=AT - HOUR_MS))
    archive(site, late)
    assert duplicates(site) == [request_id.text]


def test_a_late_charge_alone(site: Site) -> None:
    request_id = derive_id(AT - 3 * HOUR_MS, "seed")
    late = replace(an_entry("", AT), request_id=request_id)
    site.ledger.put(late)
    archive(site, late)
    assert duplicates(site) == []
