"""What the dead held comes back, once and not too soon."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from infermeter.limits.leases import SKEW_S, Account, Ended, Lease
from infermeter.limits.reclaim import Reclaimed, Reclaimer
from infermeter.metering.ledger import Kind
from infermeter.metering.measures import Measure
from tests.ports import NOW, Clock
from tests.unit.limits.tables import HourlyLedger, MemoryBudgets
from tests.unit.limits.test_overshoot import ENTRY

if TYPE_CHECKING:
    from infermeter.metering.ledger import LedgerEntry

TIMEOUT_S = 60.0
ACCOUNT = Account("K#a", "202609", Measure.TOKEN)
EXPIRES = NOW + 60
LEASE = Lease("lease", ACCOUNT, "acme", 50, int(NOW * 1000), int(EXPIRES * 1000))
DUE = EXPIRES + TIMEOUT_S + 2 * SKEW_S + 60


class Scene:
    """One lease that its environment did not give back."""

    def __init__(self) -> None:
        self.table, self.ledger, self.clock = MemoryBudgets(), HourlyLedger(), Clock()
        self.spooled = False
        self.table.take(LEASE, 1000, ())
        self.run()

    def run(self, at: float = NOW) -> Reclaimed:
        self.clock.now = at
        return Reclaimer(self.table, self.ledger, lambda: self.spooled, self.clock, TIMEOUT_S).run()

    def charge(self, tokens: int, at: float = NOW + 1, **changes: Any) -> None:
        entry = replace(ENTRY, tokens=tokens, units=1, committed_ms=int(at * 1000))
        self.ledger.entries.append(replace(entry, **{"lease": "lease", **changes}))

    @property
    def totals(self) -> tuple[int, int]:
        return tuple(self.table.totals(ACCOUNT))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_what_was_not_charged_is_free(scene: Scene) -> None:
    scene.charge(7)
    scene.charge(3, lease="other,lease")
    scene.charge(100, lease="other")
    assert scene.run(DUE) == Reclaimed(1)
    assert scene.totals == (10, 10)
    assert not scene.table.leases


def test_a_charge_that_left_the_spool_hours_later_counts(scene: Scene) -> None:
    scene.charge(7, at=NOW + 3 * 3600)
    scene.run(NOW + 3 * 3600 + 1)
    assert scene.totals == (7, 7)


def test_carries_and_adjustments_are_no_charges(scene: Scene) -> None:
    scene.charge(7)
    scene.charge(7, kind=Kind.CARRY)
    scene.charge(-3, kind=Kind.ADJUSTMENT)
    scene.run(DUE)
    assert scene.totals == (7, 7)


def test_nothing_comes_back_while_a_put_may_be_under_way(scene: Scene) -> None:
    assert scene.run(EXPIRES + TIMEOUT_S + 2 * SKEW_S - 1) == Reclaimed(0)
    assert scene.totals == (50, 0)
    assert scene.run(DUE) == Reclaimed(1)


def test_nothing_comes_back_while_entries_are_spooled(scene: Scene) -> None:
    scene.spooled = True
    assert scene.run(DUE) == Reclaimed(0, waiting=True)
    assert scene.totals == (50, 0)
    scene.spooled = False
    assert scene.run(DUE + 24 * 3600) == Reclaimed(1)


def test_what_has_just_left_the_spool_counts_though_the_index_lags(scene: Scene) -> None:
    scene.spooled = True
    assert scene.run(DUE).waiting
    # Put a second before the next run; the index has it a minute later.
    scene.spooled = False
    assert scene.run(DUE + 300).waiting
    scene.charge(7, at=DUE + 299)
    assert scene.run(DUE + 600) == Reclaimed(1)
    assert scene.totals == (7, 7)


def test_a_second_run_changes_nothing(scene: Scene) -> None:
    scene.charge(7)
    scene.run(DUE)
    assert scene.run(DUE) == Reclaimed(0)
    assert scene.run(DUE + 3600) == Reclaimed(0)
    assert scene.totals == (7, 7)


def test_a_run_that_died_is_gone_on_with(scene: Scene) -> None:
    other = replace(LEASE, id="another")
    scene.table.take(other, 1000, ())
    scene.charge(7)
    give_back = scene.table.give_back

    def die(ended: list[Ended]) -> None:
        give_back(ended)
        raise KeyboardInterrupt

    scene.table.give_back = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        scene.run(DUE)
    scene.table.give_back = give_back  # type: ignore[method-assign]
    scene.run(DUE)
    assert scene.totals == (7, 7)
    assert not scene.table.leases


def test_a_lease_that_its_environment_gave_back_meanwhile_is_left(scene: Scene) -> None:
    committed = scene.ledger.committed

    def give_back_first(tenant: str, hour: str) -> list[LedgerEntry]:
        if scene.table.leases:
            scene.table.give_back([Ended(LEASE, 9)])
        return committed(tenant, hour)

    scene.ledger.committed = give_back_first  # type: ignore[method-assign]
    assert scene.run(DUE) == Reclaimed(0)
    assert scene.totals == (9, 9)


def test_a_tenants_hours_are_read_once_for_all_its_leases(scene: Scene) -> None:
    for number in range(20):
        scene.table.take(replace(LEASE, id=f"l{number}"), 10_000, ())
    assert scene.run(DUE) == Reclaimed(21)
    assert len(scene.ledger.read) == len(set(scene.ledger.read))


def test_the_first_run_only_remembers_where_it_begins() -> None:
    table, clock = MemoryBudgets(), Clock(DUE)
    reclaimer = Reclaimer(table, HourlyLedger(), lambda: False, clock, TIMEOUT_S)
    assert reclaimer.run() == Reclaimed(0)
    assert table.until is not None
    assert table.until.timestamp() <= DUE - TIMEOUT_S - 2 * SKEW_S


def test_the_mark_is_a_minute_whose_leases_are_all_due(scene: Scene) -> None:
    scene.run(DUE)
    until = datetime.fromtimestamp(DUE - TIMEOUT_S - 2 * SKEW_S, UTC).replace(second=0)
    assert scene.table.until == until
