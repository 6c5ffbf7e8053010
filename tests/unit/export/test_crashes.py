"""Every way in which a run of the export can end, in every order, for up to three runs.

Whatever happens: what the vendor counts once is what was sealed, the cursor is where it ought to
be, and nothing is lost.
"""

from __future__ import annotations

import sys
from itertools import chain, product, repeat

import pytest

from infermeter.errors import StoreUnavailable
from infermeter.export.configuration import TargetKind
from infermeter.metering.hours import after
from tests.ports_export import FIRST, Died, End, ExportWorld

kinds = pytest.mark.parametrize("kind", list(TargetKind), ids=lambda kind: kind.value)
# A run meets its fault at its first request or its second.
ENDS = [
    (End.ACKNOWLEDGED,),
    *((end,) for end in End if end is not End.ACKNOWLEDGED),
    *((End.ACKNOWLEDGED, end) for end in End if end is not End.ACKNOWLEDGED),
]


def scene(kind: TargetKind) -> ExportWorld:
    """Usage, then more taken back than used, then usage again."""
    world = ExportWorld(kind)
    for number, units in enumerate((5, -7, 11)):
        world.usage.add("acme", after(FIRST, number), units)
    return world


@kinds
def test_whatever_becomes_of_its_requests_a_quantity_is_counted_once(
    kind: TargetKind, capsys: pytest.CaptureFixture[str]
) -> None:
    schedules = [*product(ENDS), *product(ENDS, repeat=2), *product(ENDS, repeat=3)]
    for schedule in schedules:
        world = scene(kind)
        for ends in schedule:
            world.fake.ends = chain(ends, repeat(End.ACKNOWLEDGED))
            world.run()
        world.settle()
        world.check()
    with capsys.disabled():
        sys.stdout.write(f"\n{kind.value}: {len(schedules)} schedules of requests, 0 violations\n")


class Fault:
    """Strikes at a run's n-th write to the outbox: before it or after, by death or by silence."""

    def __init__(self, number: int, moment: str, *, death: bool) -> None:
        self.left, self.moment, self.death = number, moment, death

    def __call__(self, moment: str) -> None:
        if moment != self.moment:
            return
        if self.left == 0:
            self.left = -1
            raise Died if self.death else StoreUnavailable("usage table: no answer; retry")
        self.left -= 1


def strikes(kind: TargetKind) -> list[tuple[int, str, bool]]:
    """Every write of a run without faults, in each way."""
    world, writes = scene(kind), []
    world.outbox.fault = writes.append
    world.run()
    count = len(writes) // 2
    return list(product(range(count), ("before", "after"), (True, False)))


@kinds
def test_whatever_becomes_of_its_own_writes_a_quantity_is_counted_once(
    kind: TargetKind, capsys: pytest.CaptureFixture[str]
) -> None:
    possible = strikes(kind)
    schedules = [*product(possible), *product(possible, repeat=2)]
    for schedule in schedules:
        world = scene(kind)
        for number, moment, death in schedule:
            world.outbox.fault = Fault(number, moment, death=death)
            world.run()
        world.settle()
        world.check()
    with capsys.disabled():
        sys.stdout.write(f"\n{kind.value}: {len(schedules)} schedules of writes, 0 violations\n")


@kinds
def test_two_runs_at_once_send_each_row_once(kind: TargetKind) -> None:
    """A whole run of another lies before each write of the one."""
    for number in {number for number, _, _ in strikes(kind)}:
        world, left = scene(kind), [number]

        def interrupt(moment: str, world: ExportWorld = world, left: list[int] = left) -> None:
            if moment == "before":
                left[0] -= 1
                if left[0] == -1:
                    world.outbox.fault = str
                    world.job().run()

        world.outbox.fault = interrupt
        world.run()
        assert left[0] < 0
        world.settle()
        world.check()
        assert world.fake.received == len(world.outbox.every())
