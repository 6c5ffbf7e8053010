"""Runs of the export."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import AdministrationRefused
from infermeter.export.administration import end_account
from infermeter.export.configuration import Account, Configuration, Target, TargetKind
from infermeter.export.job import REQUEST_S
from infermeter.export.outbox import FIRST_PAUSE_S, LONGEST_PAUSE_S, RowState
from infermeter.metering.hours import after
from tests.ports_export import FIRST, TOKEN, End, ExportWorld

HOUR_S, DAY_S = 3600, 24 * 3600


def world(kind: TargetKind = TargetKind.STRIPE, tenants: int = 1) -> ExportWorld:
    names = [f"t{number}" for number in range(tenants)]
    made = ExportWorld(kind, tenants=names)
    for name in names:
        made.usage.add(name, FIRST, 5)
    return made


def test_sealed_usage_reaches_the_vendor_and_the_cursor_follows() -> None:
    scene = world()
    (report,) = scene.job().run()
    assert (report.planned, report.acknowledged, report.failed) == (2, 2, 0)
    assert scene.fake.total("cus_t0", "rows") == 5
    assert scene.fake.total("cus_t0", "requests") == 1
    scene.check("t0")


def test_a_second_run_sends_nothing() -> None:
    scene = world()
    scene.run()
    before = len(scene.fake.requests)
    scene.run()
    assert len(scene.fake.requests) == before


@given(tenants=st.integers(1, 60))
def test_marketplace_gets_25_records_at_most(tenants: int) -> None:
    scene = world(TargetKind.MARKETPLACE, tenants)
    scene.job().run()
    sizes = [len(request["UsageRecords"]) for request in scene.fake.requests]
    assert max(sizes) <= 25
    assert sum(sizes) == 2 * tenants
    assert len(sizes) == -(-2 * tenants // 25)
    for number in range(tenants):
        scene.check(f"t{number}")


def test_past_its_end_an_account_has_empty_hours_and_its_cursor_goes_on() -> None:
    scene = world(TargetKind.MARKETPLACE)
    scene.usage.add("t0", after(FIRST), 7)
    scene.usage.add("t0", after(FIRST, 2), 100)
    end_account(scene.store, "t0", "there", after(FIRST))
    scene.clock.now += 4 * HOUR_S
    scene.run()
    # The first two hours came too late for theirs, and are in one after the end.
    assert scene.fake.total("cus_t0", "rows") == 12
    (status,) = scene.repair().status(check=True)
    assert (status.cursor, status.missing) == (after(FIRST, 7), {})


def test_the_cursor_waits_for_what_is_not_acknowledged() -> None:
    scene = world()
    scene.usage.add("t0", after(FIRST), 7)
    scene.fake.ends = iter([End.ACKNOWLEDGED, End.NOT_APPLIED])
    scene.run()
    progress = scene.outbox.progress("there", "t0")
    assert progress is not None
    assert (progress.cursor, progress.planned) == (FIRST, after(FIRST, 3))


def test_pauses_grow_and_have_an_end() -> None:
    scene = world()
    scene.fake.ends = iter([End.DEFERRED] * 100)
    times = []
    for _ in range(110):
        before = len(scene.fake.requests)
        scene.job().run()
        if len(scene.fake.requests) > before:
            times.append(scene.clock.now)
        scene.clock.now += FIRST_PAUSE_S
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[:5] == [600, 1200, 2400, 4800, 9600]
    assert set(pauses[5:]) == {LONGEST_PAUSE_S}


def test_a_refused_row_fails_and_keeps_no_other_back() -> None:
    scene = world(tenants=3)
    scene.fake.refuse = {"cus_t1": "no such customer"}.get
    (report,) = scene.job().run()
    assert (report.acknowledged, report.failed) == (4, 2)
    failed = [row for row in scene.outbox.every() if row.state is RowState.FAILED]
    assert {row.tenant for row in failed} == {"t1"}
    assert all("no such customer" in row.error and not row.doubt for row in failed)
    scene.clock.now += DAY_S
    before = len(scene.fake.requests)
    scene.job().run()
    assert len(scene.fake.requests) == before


@pytest.mark.parametrize("kind", [TargetKind.OPENMETER, TargetKind.MARKETPLACE])
def test_one_refused_of_many_is_found_alone(kind: TargetKind) -> None:
    scene = world(kind, tenants=3)
    scene.fake.refuse = {"cus_t1": "CustomerNotSubscribed"}.get
    scene.job().run()
    states = {row.tenant: row.state for row in scene.outbox.every()}
    done, failed = RowState.ACKNOWLEDGED, RowState.FAILED
    assert states == {"t0": done, "t1": failed, "t2": done}


def test_a_row_that_may_be_counted_is_not_sent_when_the_vendor_has_forgotten_it() -> None:
    scene = world(TargetKind.OPENMETER)
    scene.fake.ends = iter([End.LOST])
    scene.job().run()
    scene.clock.now += 31 * DAY_S
    before = len(scene.fake.requests)
    (report,) = scene.job().run()
    assert len(scene.fake.requests) == before
    assert report.failed == 2
    assert {row.doubt for row in scene.outbox.every()} == {True}


def test_a_row_that_was_not_counted_is_sent_however_late() -> None:
    scene = world(TargetKind.OPENMETER)
    scene.fake.ends = iter([End.DEFERRED])
    scene.job().run()
    scene.clock.now += 60 * DAY_S
    scene.job().run()
    scene.check("t0")


def test_no_request_is_begun_that_the_deadline_would_cut_off() -> None:
    scene = world()
    (report,) = scene.job().run(deadline=scene.clock.now + REQUEST_S - 1)
    assert (report.left, scene.fake.requests) == (2, [])
    (report,) = scene.job().run(deadline=scene.clock.now + REQUEST_S)
    assert report.acknowledged == 2


def test_one_targets_trouble_is_no_others() -> None:
    scene = world()
    files = Target("zfiles", TargetKind.CSV)
    scene.store.put(Configuration((scene.target, files), scene.meters))
    scene.store.add(Account("t0", "zfiles", "t0", FIRST))

    class Tokenless:
        terms = scene.vendor(scene.target).terms

        def ready(self) -> None:
            raise AdministrationRefused("export secret: expected a token 'there', got none")

    vendor = scene.vendor
    scene.vendor = lambda target: Tokenless() if target.name == "there" else vendor(target)
    there, written = scene.job().run()
    assert there.errors == [
        "AdministrationRefused: export secret: expected a token 'there', got none"
    ]
    assert written.acknowledged == 1
    rows = [row for row in scene.outbox.every() if row.target == "there"]
    assert {(row.state, row.attempts) for row in rows} == {(RowState.PENDING, 0)}


def test_one_target_alone() -> None:
    scene = world()
    assert [report.target for report in scene.job().run("there")] == ["there"]
    with pytest.raises(AdministrationRefused, match="expected one of there, got 'nowhere'"):
        scene.job().run("nowhere")


def test_a_preview_is_what_a_run_sends_and_changes_nothing() -> None:
    scene = world()
    previewed = list(scene.job().preview())
    assert scene.outbox.progresses == {}
    assert scene.fake.requests == []
    scene.job().run()
    posted = [
        dict(pair.split("=") for pair in p.body.decode().split("&")) for p in scene.fake.requests
    ]
    assert [request["body"]["identifier"] for request in previewed] == [
        each["identifier"] for each in posted
    ]
    assert [request["headers"]["idempotency-key"] for request in previewed] == [
        p.headers["idempotency-key"] for p in scene.fake.requests
    ]
    assert list(scene.job().preview()) == []


def test_a_preview_shows_no_token() -> None:
    for kind in TargetKind:
        assert TOKEN not in str(list(world(kind).job().preview()))


def test_a_preview_has_what_is_due_again() -> None:
    scene = world()
    scene.fake.ends = iter([End.NOT_APPLIED, End.NOT_APPLIED])
    scene.run()
    assert len(list(scene.job().preview())) == 2
