"""Which charges fall because nobody was answered, and which stand."""

from __future__ import annotations

import pytest

from infermeter.metering.findings import FindingKind
from infermeter.metering.ids import Channel
from infermeter.metering.ledger import Billed
from tests.ports_reconciliation import HOUR_MS, NOW_MS, Site, hour_before


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_charge_that_was_not_answered_is_voided_a_day_later(site: Site) -> None:
    entry = site.charge(NOW_MS, gateway="g")
    site.answer("g", 502, NOW_MS - 500)
    site.pass_hours(24)
    assert site.voids() == {}
    (report,) = site.pass_hours(1)
    assert site.voids() == {entry.request_id.text: -5}
    assert [act["id"] for act in report.document()["voided"]] == [entry.request_id.text]
    (finding,) = site.of_kind(FindingKind.UNDELIVERED)
    assert finding.details == {"request_id": entry.request_id.text, "units": 5}


def test_it_is_voided_once(site: Site) -> None:
    site.charge(NOW_MS, gateway="g")
    site.answer("g", 502, NOW_MS - 500)
    site.pass_hours(26)
    hour = hour_before(26, site.clock.now)
    again = site.run(hour)
    assert again.counts[FindingKind.UNDELIVERED] == 1
    assert again.voided == []
    assert len(site.voids()) == 1
    assert len(site.of_kind(FindingKind.UNDELIVERED)) == 1


def test_a_caller_that_hung_up_on_a_2xx_is_charged(site: Site) -> None:
    site.charge(NOW_MS, gateway="g")
    site.answer("g", 200, NOW_MS - 500)
    site.pass_hours(27)
    assert site.voids() == {}
    assert site.findings.found == {}


@pytest.mark.parametrize("hours", [0, 1, 12, 22, 23])
def test_a_replay_that_was_answered_keeps_the_charge(site: Site, hours: int) -> None:
    entry = site.charge(NOW_MS, gateway="g")
    site.answer("g", 504, NOW_MS - 500)
    later = NOW_MS + hours * HOUR_MS + 50 * 60_000
    site.answer("again", 200, later - 300)
    site.tell("again", entry.request_id.text, Billed.REPLAY, later)
    site.pass_hours(27)
    assert site.voids() == {}
    assert site.findings.found == {}


def test_a_replay_that_failed_too_changes_nothing(site: Site) -> None:
    entry = site.charge(NOW_MS, gateway="g")
    site.answer("g", 504, NOW_MS - 500)
    site.answer("again", 502, NOW_MS + HOUR_MS)
    site.tell("again", entry.request_id.text, Billed.REPLAY, NOW_MS + HOUR_MS + 200)
    site.pass_hours(26)
    assert len(site.voids()) == 1


def test_a_retry_that_fails_does_not_undo_a_charge(site: Site) -> None:
    entry = site.charge(NOW_MS, gateway="g")
    site.answer("g", 200, NOW_MS - 500)
    site.answer("again", 500, NOW_MS + HOUR_MS)
    site.tell("again", entry.request_id.text, Billed.REPLAY, NOW_MS + HOUR_MS + 200)
    site.pass_hours(26)
    assert site.voids() == {}


def test_another_tenants_replay_keeps_no_charge(site: Site) -> None:
    site.charge(NOW_MS, name="shared", gateway="g")
    site.answer("g", 504, NOW_MS - 500)
    other = site.charge(NOW_MS, name="shared", gateway="h", tenant="zeta")
    site.tenants.append(type(site.tenants[0])("zeta", site.tenants[0].created_at))
    site.answer("h", 200, NOW_MS - 500)
    site.pass_hours(26)
    assert other.tenant == "zeta"
    assert site.voids() == {"shared": -5}


def test_without_any_line_nothing_is_voided_and_that_is_told(site: Site) -> None:
    for _ in range(3):
        site.charge(NOW_MS)
    reports = site.pass_hours(26)
    assert site.voids() == {}
    assert sum(report.counts[FindingKind.INCOMPLETE] for report in reports) == 3
    assert len(site.of_kind(FindingKind.INCOMPLETE)) == 3


def test_an_unexplained_2xx_keeps_charges_that_it_may_have_replayed(site: Site) -> None:
    site.charge(NOW_MS, gateway="g")
    site.answer("g", 504, NOW_MS - 500)
    site.answer("who", 200, NOW_MS + 2 * HOUR_MS)
    site.pass_hours(26)
    assert site.voids() == {}
    assert len(site.of_kind(FindingKind.INCOMPLETE)) == 1
    assert len(site.of_kind(FindingKind.UNRECORDED)) == 1


def test_an_unexplained_2xx_before_a_charge_does_not_keep_it(site: Site) -> None:
    site.answer("who", 200, NOW_MS - 2 * HOUR_MS)
    site.charge(NOW_MS, gateway="g")
    site.answer("g", 504, NOW_MS - 500)
    site.pass_hours(26)
    assert len(site.voids()) == 1


def test_a_replay_whose_line_is_not_there_yet_is_waited_for(site: Site) -> None:
    entry = site.charge(NOW_MS, gateway="g")
    site.answer("g", 504, NOW_MS - 500)
    later = NOW_MS + 24 * HOUR_MS - 60_000
    site.tell("again", entry.request_id.text, Billed.REPLAY, later)
    site.pass_hours(25)
    assert site.voids() == {}
    assert site.of_kind(FindingKind.INCOMPLETE) == []
    site.answer("again", 200, later - 300)
    site.pass_hours(3)
    assert site.voids() == {}
    assert site.findings.found == {}


def test_a_spooled_charge_is_judged_by_the_answer_it_was_spooled_for(site: Site) -> None:
    for name, status in {"served": 200, "failed": 504}.items():
        site.answer(name, status, NOW_MS)
        site.tell(name, name, Billed.PENDING, NOW_MS + 100)
        site.charge(NOW_MS + 2 * HOUR_MS, name=name, gateway=name)
    site.pass_hours(28)
    assert site.voids() == {"failed": -5}
    assert len(site.findings.found) == 1


def test_a_charge_through_the_queue_is_not_looked_at(site: Site) -> None:
    site.charge(NOW_MS, gateway="", channel=Channel.SQS)
    site.pass_hours(26)
    assert site.findings.found == {}


def test_a_request_at_the_turn_of_the_hour(site: Site) -> None:
    turn = NOW_MS // HOUR_MS * HOUR_MS
    site.charge(turn + 200, gateway="late")
    site.answer("late", 200, turn - 300)
    site.tell("late", "request-1", Billed.NEW, turn + 250)
    site.charge(turn - 200, gateway="failed")
    site.answer("failed", 504, turn - 29_000)
    site.pass_hours(27)
    assert list(site.voids()) == ["request-2"]
    assert len(site.findings.found) == 1


def test_work_that_does_not_fit_the_time_is_left_to_the_next_run(site: Site) -> None:
    report = site.job().run(until=site.clock.now)
    assert (report.hours, report.document()["complete"]) == ([], False)
    assert site.run().complete


def test_hours_that_were_missed_are_made_up_for(site: Site) -> None:
    site.run()
    site.charge(NOW_MS, gateway="g")
    site.answer("g", 502, NOW_MS)
    site.clock.now += 40 * 3600
    report = site.run()
    assert len(report.hours) == 40
    assert len(site.voids()) == 1


def test_a_replay_whose_line_never_comes_keeps_the_charge_and_is_told(site: Site) -> None:
    entry = site.charge(NOW_MS, gateway="g")
    site.answer("g", 504, NOW_MS - 500)
    site.tell("again", entry.request_id.text, Billed.REPLAY, NOW_MS + 2 * HOUR_MS)
    site.pass_hours(27)
    assert site.voids() == {}
    assert len(site.of_kind(FindingKind.INCOMPLETE)) == 1


def test_a_charge_that_was_waited_for_falls_when_its_replay_failed(site: Site) -> None:
    entry = site.charge(NOW_MS, gateway="g")
    site.answer("g", 504, NOW_MS - 500)
    later = NOW_MS + 24 * HOUR_MS - 60_000
    site.tell("again", entry.request_id.text, Billed.REPLAY, later)
    site.pass_hours(25)
    site.answer("again", 502, later - 300)
    site.pass_hours(1)
    assert len(site.voids()) == 1


def test_an_answer_that_was_not_recorded_keeps_a_later_charge_under_its_id(site: Site) -> None:
    site.answer("first", 200, NOW_MS)
    site.tell("first", "one", Billed.NEW, NOW_MS + 300)
    site.charge(NOW_MS + HOUR_MS, name="one", gateway="second")
    site.answer("second", 502, NOW_MS + HOUR_MS - 500)
    site.pass_hours(28)
    assert site.voids() == {}
    assert [f.kind for f in site.findings.found.values()] == [FindingKind.UNRECORDED]
