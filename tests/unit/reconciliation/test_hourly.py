"""Every delivered 2xx has its entry, or is found."""

from __future__ import annotations

import pytest

from infermeter.metering.findings import FindingKind
from infermeter.metering.ledger import Billed
from infermeter.reconciliation.answers import Passage, mark
from infermeter.reconciliation.evidence import Evidence, weigh
from infermeter.reconciliation.standing import Depth
from tests.ports_reconciliation import HOUR_MS, NOW_MS, TENANT, Site, hour_before

AT = NOW_MS - 2 * HOUR_MS


@pytest.fixture
def site() -> Site:
    return Site()


def unrecorded(site: Site) -> list[str]:
    return [str(f.details.get("request_id", "")) for f in site.of_kind(FindingKind.UNRECORDED)]


def test_a_2xx_with_its_entry_is_in_order(site: Site) -> None:
    site.charge(AT, gateway="g")
    site.answer("g", 200, AT - 500)
    site.run()
    assert site.findings.found == {}
    assert site.function.whole_reads == []


def test_a_2xx_without_an_entry_is_found_with_its_request(site: Site) -> None:
    site.answer("g", 200, AT)
    site.tell("g", "lost", Billed.NEW, AT + 400)
    site.run()
    assert unrecorded(site) == ["lost"]
    assert site.evidence.kept[hour_before(2)].unexplained == 0


def test_a_2xx_that_nothing_names_is_found_by_the_hash_of_its_id(site: Site) -> None:
    site.answer("g", 200, AT)
    site.run()
    (finding,) = site.of_kind(FindingKind.UNRECORDED)
    assert finding.details["gateway_sha256"] == mark("g").hex()
    assert site.evidence.kept[hour_before(2)].unexplained == 1


@pytest.mark.parametrize("status", [400, 401, 429, 500, 502, 504])
def test_what_was_not_delivered_needs_no_entry(site: Site, status: int) -> None:
    site.answer("g", status, AT)
    site.run()
    assert site.findings.found == {}


def test_a_replays_entry_may_be_of_an_earlier_hour(site: Site) -> None:
    entry = site.charge(AT - 5 * HOUR_MS, gateway="first")
    site.answer("first", 200, AT - 5 * HOUR_MS)
    site.answer("again", 200, AT)
    site.tell("again", entry.request_id.text, Billed.REPLAY, AT + 300)
    site.run()
    assert site.findings.found == {}


def test_a_replay_of_nothing_is_found(site: Site) -> None:
    site.answer("again", 200, AT)
    site.tell("again", "never", Billed.REPLAY, AT + 300)
    site.run()
    assert unrecorded(site) == ["never"]


def test_a_2xx_of_another_attempt_than_its_log_line_is_found(site: Site) -> None:
    site.charge(AT, name="mine", gateway="h")
    site.answer("h", 200, AT - 500)
    site.answer("g", 200, AT)
    site.run()
    assert len(site.of_kind(FindingKind.UNRECORDED)) == 1


def test_a_pending_charge_is_waited_for_while_the_spool_is_not_empty(site: Site) -> None:
    site.answer("g", 200, AT)
    site.tell("g", "spooled", Billed.PENDING, AT + 300)
    site.spool.now = Depth(3, None)
    for _ in range(3):
        site.run()
        assert unrecorded(site) == []
    site.charge(NOW_MS, name="spooled", gateway="g")
    site.spool.now = Depth(0, None)
    site.run()
    assert unrecorded(site) == []
    assert site.evidence.waiting() == []


def test_a_pending_charge_that_is_not_there_when_the_spool_is_empty_is_found(site: Site) -> None:
    site.answer("g", 200, AT)
    site.tell("g", "spooled", Billed.PENDING, AT + 300)
    site.spool.now = Depth(3, None)
    site.run()
    site.spool.now = Depth(0, None)
    report = site.run()
    assert unrecorded(site) == ["spooled"]
    assert report.counts[FindingKind.UNRECORDED] == 1
    assert site.run().counts[FindingKind.UNRECORDED] == 0


def test_the_last_hour_is_left_alone(site: Site) -> None:
    site.answer("g", 200, NOW_MS - 30 * 60_000)
    site.run()
    assert site.findings.found == {}


def test_a_request_of_the_hours_last_second_is_committed_in_the_next(site: Site) -> None:
    turn = AT // HOUR_MS * HOUR_MS
    site.answer("g", 200, turn - 100)
    site.charge(turn + 900, name="slow", gateway="g")
    site.tell("g", "slow", Billed.NEW, turn + 950)
    site.run()
    assert site.findings.found == {}


def test_so_it_is_where_its_line_is_lost(site: Site) -> None:
    turn = AT // HOUR_MS * HOUR_MS
    site.answer("g", 200, turn - 100)
    site.charge(turn + 900, name="slow", gateway="g")
    site.run()
    assert site.findings.found == {}


def test_an_hour_may_be_checked_again(site: Site) -> None:
    site.answer("g", 200, AT)
    for _ in range(2):
        assert site.run(hour_before(2)).counts[FindingKind.UNRECORDED] == 1
    assert len(site.of_kind(FindingKind.UNRECORDED)) == 1


def test_when_all_is_lost_a_hundred_are_told_and_all_are_counted(site: Site) -> None:
    for number in range(250):
        site.answer(f"g{number}", 200, AT)
    report = site.run()
    assert report.counts[FindingKind.UNRECORDED] == 250
    assert len(report.findings) == 100
    assert len(site.of_kind(FindingKind.UNRECORDED)) == 100


def test_what_passages_say() -> None:
    told = [
        Passage(b"a", TENANT, "replayed", Billed.REPLAY, 0),
        Passage(b"b", TENANT, "failed replay", Billed.REPLAY, 0),
        Passage(b"b", TENANT, "failed pending", Billed.PENDING, 0),
        Passage(b"c", TENANT, "nowhere", Billed.REPLAY, 0),
        Passage(b"c", TENANT, "named by its entry", Billed.NEW, 0),
    ]
    key = {name: frozenset([mark(TENANT, name)]) for name in ("replayed", "failed pending")}
    nowhere = frozenset([mark(TENANT, "nowhere")])
    said = weigh(told, {b"a"}, {b"b"})
    assert said == Evidence(key["replayed"], key["failed pending"], nowhere)


def test_the_turn_of_the_hour_costs_two_minutes_of_log(site: Site) -> None:
    turn = AT // HOUR_MS * HOUR_MS
    site.answer("g", 200, turn - 100)
    site.charge(turn + 900, name="slow", gateway="g")
    site.tell("g", "slow", Billed.NEW, turn + 950)
    site.run()
    assert [end - start for start, end in site.function.whole_reads] == [120_000]


def test_a_charge_at_the_turn_that_names_another_attempt_is_found(site: Site) -> None:
    turn = AT // HOUR_MS * HOUR_MS
    site.charge(turn - 1000, name="one", gateway="h")
    site.answer("h", 200, turn - 1500)
    site.answer("g", 200, turn - 100)
    site.tell("g", "one", Billed.NEW, turn + 300)
    site.run()
    assert unrecorded(site) == ["one"]
