"""The fold that seals: it dies at every call, runs twice at once, meets an archive that lags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infermeter.adapters import usage
from tests.proof.events import schedule_event
from tests.proof.faults import CALM, FEWER, Faults, Meanwhile
from tests.proof.ledgers import (
    FIRST,
    SECOND,
    SETTLED,
    archive_all,
    assert_sealed_as_folded,
    of_table,
    sealed,
    serve,
)
from tests.proof.requests import OPAQUE, TIMED
from tests.proof.schedules import Chooser
from tests.proof.site import NOW, RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proof.account import Account
    from tests.proof.schedules import Exploration
    from tests.proof.site import Site

    Prove = Callable[..., Exploration]

BUSY = ("order-1", "order-2", OPAQUE, TIMED)


@pytest.fixture
def account(site: Site) -> Account:
    """Two hours of entries under three versions, archived."""
    made = site.account.copy()
    for id, version in zip(BUSY, "1231", strict=True):
        site.move(made, version)
        serve(site, made, [id])
    serve(site, made, ["order-18"], NOW + 3600)
    archive_all(site, made)
    return made


def run(site: Site, account: Account, faults: Faults, at: float = SETTLED) -> bool:
    """One run of the fold; what was sealed before it is as it was, I3 holds of what is sealed."""
    before = sealed(account)
    site.clock.now = at
    try:
        answer = site.call("fold", account, faults, schedule_event("fold"))
    finally:
        site.clock.now = NOW
    after = assert_sealed_as_folded(site, account)
    for hour, kept in before.items():
        assert after[hour] == kept, f"I6: {hour} was changed"
    return answer is not None


def ended(site: Site, account: Account) -> None:
    """An undisturbed run seals both hours; another changes nothing."""
    assert run(site, account, Faults(Chooser(), CALM))
    assert sealed(account).keys() == {FIRST, SECOND}, "an undisturbed run seals what is over"
    kept = account.copy()
    assert run(site, account, Faults(Chooser(), CALM))
    assert (account.tables, account.buckets) == (kept.tables, kept.buckets), "a run too many"


@pytest.mark.parametrize("at_once", [90, 1], ids=["rows with their seal", "rows before their seal"])
def test_a_fold_that_dies_anywhere_is_made_again(
    site: Site, account: Account, prove: Prove, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(usage, "ROWS_AT_ONCE", at_once)

    def again(chooser: Chooser, before: Account) -> Account:
        now = before.copy()
        run(site, now, Faults(chooser, most=1))
        return now

    def end(_: Chooser, before: Account) -> None:
        ended(site, before.copy())

    acts = (lambda _: account, again, again, end)
    prove(f"fold, two runs, {at_once} rows at once", *acts, at_least=200)


def test_two_folds_at_once_seal_each_hour_once(
    site: Site, account: Account, prove: Prove, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "ROWS_AT_ONCE", 1)

    def scene(chooser: Chooser) -> None:
        now = account.copy()

        def other() -> None:
            run(site, now, Faults(chooser, CALM, name="other"))
            site.clock.now = SETTLED

        meanwhile = Meanwhile(chooser, other)
        run(site, now, Faults(chooser, FEWER, name="one", at_change=meanwhile, most=1))
        meanwhile.finish()
        site.clock.now = NOW
        ended(site, now)

    prove("fold, two runs at once", scene, at_least=90)


def test_an_hour_is_not_sealed_while_the_archive_lags(
    site: Site, account: Account, prove: Prove
) -> None:
    def scene(chooser: Chooser) -> None:
        now = account.copy()
        late = now.stream[-1]
        serve(site, now, ["order-19"], NOW + 1)
        assert now.stream[-1] != late
        run(site, now, Faults(chooser))
        assert not sealed(now), "table and archive differ"
        archive_all(site, now)
        run(site, now, Faults(chooser, FEWER, most=1))
        ended(site, now)

    prove("fold, the archive lags", scene, at_least=10)


def test_an_hour_is_not_sealed_while_the_index_lags(
    site: Site, account: Account, prove: Prove
) -> None:
    ledger = account.table(RESOURCES.ledger_table)
    indexed = [place for place, item in ledger.items() if "g1pk" in item]
    assert len(indexed) == len(BUSY), "all but the one whose id has its own time"

    def scene(chooser: Chooser) -> None:
        now = account.copy()
        late = chooser.choose("the index lacks", indexed)
        now.lagging = {late}
        run(site, now, Faults(chooser, most=1))
        hour = ledger[late]["g1pk"]["S"].rpartition("#")[2]
        assert hour not in sealed(now), "an entry of the hour was not seen"
        now.lagging = set()
        ended(site, now)

    prove("fold, the index lags", scene, at_least=10)


def test_an_hour_is_not_sealed_before_twenty_minutes_after_its_end(
    site: Site, account: Account
) -> None:
    hour_end = (NOW // 3600 + 1) * 3600
    for minutes, expected in ((19, set()), (21, {FIRST})):
        now = account.copy()
        run(site, now, Faults(Chooser(), CALM), at=hour_end + minutes * 60)
        assert sealed(now).keys() == expected


def test_the_fold_has_rows_of_its_own_for_each_version(site: Site, account: Account) -> None:
    assert len(of_table(site, account, FIRST).rows) == 3
