"""The archiver: whatever becomes of the stream's batches, the fold is the same."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import StoreUnavailable
from infermeter.metering.archive import Archiver, Change, ChangeType, line_of
from infermeter.metering.findings import FindingKind
from infermeter.metering.fold import fold_lines
from infermeter.metering.hours import after, hour_of
from infermeter.metering.ledger import Kind, LedgerEntry
from tests.ports import NOW
from tests.ports_metering import MemoryArchive, MemoryFindings
from tests.unit.metering.test_fold import HOUR, charge

HOUR_MS = 3_600_000


def change(
    number: int, entry: LedgerEntry | None, type_: ChangeType = ChangeType.INSERTED
) -> Change:
    return Change(type_, str(10**20 + number), "a", "pk sk", int(NOW), entry)


def stream(entries: list[LedgerEntry]) -> list[Change]:
    return [change(number, entry) for number, entry in enumerate(entries)]


def folds(archive: MemoryArchive) -> dict[str, object]:
    return {
        hour: fold_lines(hour, archive.lines(hour)) for hour in (after(HOUR, -1), HOUR, after(HOUR))
    }


def kept(*batches: list[Change]) -> MemoryArchive:
    archive = MemoryArchive()
    archiver = Archiver(archive, MemoryFindings())
    for batch in batches:
        archiver.keep(batch)
    return archive


some_entries = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(-1, 1), st.sampled_from(Kind)), max_size=12
).map(
    lambda some: [
        charge(index, tenant=tenant, kind=kind, committed_ms=int(NOW * 1000) + hour * HOUR_MS)
        for index, (tenant, hour, kind) in enumerate(some)
    ]
)


@given(entries=some_entries, data=st.data())
def test_batches_repeated_split_and_reordered_fold_the_same(
    entries: list[LedgerEntry], data: st.DataObject
) -> None:
    changes = stream(entries)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(changes)))))
    bounds = [0, *cuts, len(changes)]
    split = [changes[start:end] for start, end in pairwise(bounds)]
    again = data.draw(st.lists(st.sampled_from([*split, changes])))
    batches = data.draw(st.permutations(split + again))
    shuffled = [data.draw(st.permutations(batch)) for batch in batches]
    assert folds(kept(*shuffled)) == folds(kept(changes))


@given(entries=some_entries, data=st.data())
def test_the_same_batch_is_the_same_objects(
    entries: list[LedgerEntry], data: st.DataObject
) -> None:
    changes = stream(entries)
    again = data.draw(st.permutations(changes))
    assert kept(changes, again).objects == kept(changes).objects


def test_each_hour_of_commit_has_an_object_named_by_its_ends() -> None:
    later = charge(2, committed_ms=int(NOW * 1000) + HOUR_MS)
    archive = kept(stream([charge(0), later, charge(1)]))
    names = {
        hour: [name.rpartition("-")[0] for name in archive.objects[hour]]
        for hour in archive.objects
    }
    first = 10**20
    assert names == {
        HOUR: [f"{first}-{first + 2}"],
        after(HOUR): [f"{first + 1}-{first + 1}"],
    }
    assert hour_of(later.committed_ms) == after(HOUR)


def test_sequence_numbers_are_numbers() -> None:
    short, long = change(0, charge(0)), change(0, charge(1))
    archive = kept([replace(long, sequence="1000"), replace(short, sequence="999")])
    (name,) = archive.objects[HOUR]
    assert name.startswith("999-1000-")
    assert list(archive.lines(HOUR)) == [line_of(charge(0)), line_of(charge(1))]


@pytest.mark.parametrize("type_", [ChangeType.MODIFIED, ChangeType.REMOVED, ChangeType.INSERTED])
def test_what_no_ledger_does_is_found_once_and_never_archived(type_: ChangeType) -> None:
    archive, findings = MemoryArchive(), MemoryFindings()
    entry = None if type_ is ChangeType.INSERTED else charge()
    archiver = Archiver(archive, findings)
    batch = [change(1, entry, type_), change(2, charge(5))]
    assert archiver.keep(batch) == archiver.keep(batch)
    (found,) = findings.found.values()
    assert (found.kind, found.details["change"]) == (FindingKind.MODIFIED, type_.value)
    assert list(archive.lines(HOUR)) == [line_of(charge(5))]


def test_what_expires_is_nothing() -> None:
    archive, findings = MemoryArchive(), MemoryFindings()
    assert Archiver(archive, findings).keep([change(1, None, ChangeType.EXPIRED)]) == []
    assert (archive.objects, findings.found) == ({}, {})


def test_a_batch_that_cannot_be_kept_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise StoreUnavailable("archive bucket: gone; retry")

    archive = MemoryArchive()
    monkeypatch.setattr(archive, "write", refuse)
    with pytest.raises(StoreUnavailable):
        Archiver(archive, MemoryFindings()).keep(stream([charge()]))
