"""The archiver: batches of the stream redelivered, split, reordered, under every fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.metering.hours import hour_of
from tests.proof.faults import CALM, Faults
from tests.proof.ledgers import FIRST, SECOND, archive, of_archive, of_table, serve
from tests.proof.requests import OPAQUE, TIMED
from tests.proof.schedules import Chooser
from tests.proof.site import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proof.account import Account, Record
    from tests.proof.schedules import Exploration
    from tests.proof.site import Site

    Prove = Callable[..., Exploration]
    Batch = list[tuple[int, Record]]
    State = tuple[Account, list[Batch]]

CUTS = {
    "whole": ((0, 3),),
    "split": ((0, 1), (1, 3)),
    "split and reordered": ((2, 3), (0, 2)),
    "overlapping": ((0, 2), (1, 3)),
    "whole, then a part again": ((0, 3), (1, 2)),
}


def test_what_was_put_is_archived_however_the_stream_comes(site: Site, prove: Prove) -> None:
    account = site.account.copy()
    serve(site, account, [OPAQUE, TIMED])
    serve(site, account, ["order-18"], NOW + 3600)

    def cut(chooser: Chooser) -> State:
        records = list(enumerate(account.stream))
        assert len(records) == 3
        pieces = CUTS[chooser.choose("the stream comes", tuple(CUTS))]
        return account.copy(), [records[start:end] for start, end in pieces]

    def deliver(chooser: Chooser, before: State) -> State:
        now, batches = before[0].copy(), before[1]
        failed = [batch for batch in batches if not archive(site, now, Faults(chooser), batch)]
        # A batch that failed is halved, as an event source mapping may be told to do.
        return now, [half for batch in failed for half in (batch[1:], batch[:1]) if half]

    def end(_: Chooser, before: State) -> None:
        now, batches = before[0].copy(), before[1]
        for batch in batches:
            assert archive(site, now, Faults(Chooser(), CALM), batch), "the rest is taken"
        for hour in (FIRST, SECOND):
            table = of_table(site, now, hour)
            assert table.summary.count
            assert of_archive(site, now, hour) == table, f"{hour}: what was put is archived, once"

    prove("archive, a stream of three", cut, deliver, end, at_least=300)


def test_the_hours_are_those_of_the_commit() -> None:
    assert hour_of(int(NOW * 1000)) == FIRST < SECOND
