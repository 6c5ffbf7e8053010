"""What the operator does with failed rows, and what status tells."""

from __future__ import annotations

import pytest

from infermeter.errors import AdministrationRefused
from infermeter.export.administration import add_account
from infermeter.export.configuration import Account, TargetKind
from infermeter.export.outbox import RowState
from infermeter.metering.hours import after
from tests.ports_export import FIRST, End, ExportWorld

DAY_S = 24 * 3600


def refused(kind: TargetKind, word: str = "CustomerNotSubscribed") -> ExportWorld:
    """A world whose vendor did not know the customer."""
    scene = ExportWorld(kind)
    scene.usage.add("acme", FIRST, 5)
    scene.fake.refuse = {"cus_acme": word}.get
    scene.run()
    return scene


@pytest.mark.parametrize("kind", [TargetKind.OPENMETER, TargetKind.STRIPE, TargetKind.MARKETPLACE])
def test_a_refused_row_goes_again_under_the_corrected_customer(kind: TargetKind) -> None:
    scene = refused(kind)
    add_account(scene.store, Account("acme", "there", "cus_right", FIRST))
    assert len(scene.repair().retry()) == 2
    scene.run()
    assert scene.fake.total("cus_right", "rows") == 5
    assert scene.fake.total("cus_acme", "rows") == 0
    assert scene.open() == []
    (status,) = scene.repair().status(check=True)
    assert status.missing == {}


def test_a_refused_row_whose_hour_is_over_for_the_vendor_goes_to_the_next() -> None:
    scene = refused(TargetKind.MARKETPLACE)
    scene.clock.now += DAY_S
    scene.fake.refuse = {}.get
    scene.repair().retry()
    progress = scene.outbox.progress("there", "acme")
    assert progress is not None
    assert progress.carry == {"rows": 5, "requests": 1}
    scene.usage.add("acme", after(FIRST, 27), 7)
    scene.settle()
    assert scene.fake.total("cus_acme", "rows") == 12
    scene.check()


def test_an_hour_that_another_has_metered_is_carried() -> None:
    scene = refused(TargetKind.MARKETPLACE, "DuplicateRecord")
    scene.fake.refuse = {}.get
    scene.repair().retry()
    progress = scene.outbox.progress("there", "acme")
    assert progress is not None
    assert progress.carry == {"rows": 5, "requests": 1}
    scene.settle()
    scene.check()


def test_a_row_in_doubt_goes_again_as_it_is_while_the_vendor_remembers_it() -> None:
    scene = ExportWorld(TargetKind.OPENMETER)
    scene.usage.add("acme", FIRST, 5)
    scene.fake.ends = iter([End.LOST])
    scene.run()
    scene.fake.refuse = {"cus_acme": "no"}.get
    scene.run()
    assert {(row.state, row.doubt) for row in scene.open()} == {(RowState.FAILED, True)}
    scene.fake.refuse = {}.get
    assert len(scene.repair().retry()) == 2
    scene.settle()
    scene.check()
    assert {row.revision for row in scene.outbox.every()} == {0}


def forgotten(*, counted: bool) -> ExportWorld:
    """A row that may have been counted so long ago that the vendor would count it again."""
    scene = ExportWorld(TargetKind.OPENMETER)
    scene.usage.add("acme", FIRST, 5)
    scene.fake.ends = iter([End.LOST if counted else End.NOT_APPLIED])
    scene.run()
    scene.clock.now += 40 * DAY_S
    scene.run()
    return scene


def test_a_forgotten_row_in_doubt_is_left_to_the_operator() -> None:
    scene = forgotten(counted=True)
    assert scene.repair().retry() == []
    for meter in ("rows", "requests"):
        scene.repair().settle("there", "acme", FIRST, meter)
    scene.run()
    scene.check()


def test_the_operator_may_say_that_it_was_not_counted() -> None:
    scene = forgotten(counted=False)
    assert len(scene.repair().retry(not_counted=True)) == 2
    scene.run()
    scene.check()


def test_only_a_failed_row_is_settled() -> None:
    scene = ExportWorld(TargetKind.STRIPE)
    scene.usage.add("acme", FIRST, 5)
    scene.run()
    with pytest.raises(AdministrationRefused, match=f"of 'rows' in hour {FIRST}, got none"):
        scene.repair().settle("there", "acme", FIRST, "rows")


def test_status_tells_what_waits() -> None:
    scene = refused(TargetKind.STRIPE, "no such customer")
    scene.fake.refuse = {}.get
    scene.usage.add("acme", after(FIRST, 3), 7)
    scene.fake.ends = iter([End.NOT_APPLIED] * 2)
    scene.run()
    (status,) = scene.repair().status(check=True)
    assert (status.pending, status.failed) == (2, 2)
    assert (status.cursor, status.planned) == (FIRST, after(FIRST, 4))
    assert status.oldest_s == 5 * 3600 + 20 * 60
    assert status.errors == ("400 no such customer", "no answer")
    assert status.missing == {}


def test_what_is_missing_is_told() -> None:
    scene = ExportWorld(TargetKind.STRIPE)
    scene.usage.add("acme", FIRST, 5)
    scene.run()
    scene.usage.add("acme", FIRST, 2)
    (status,) = scene.repair().status(check=True)
    assert status.missing == {"rows": 2, "requests": 1}


def test_before_the_first_run_nothing_is_planned() -> None:
    (status,) = ExportWorld(TargetKind.STRIPE).repair().status(check=True)
    assert (status.planned, status.cursor, status.pending) == (FIRST, FIRST, 0)
