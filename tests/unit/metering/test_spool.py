"""Spooled entries on their way into the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from infermeter.errors import LedgerUnavailable, StoreUnavailable
from infermeter.metering.documents import entry_document
from infermeter.metering.findings import FindingKind
from infermeter.metering.ids import RequestId
from infermeter.metering.spool import Fate, SpoolConsumer, SpooledMessage, Unspooled
from tests.ports import NOW, Clock, MemoryLedger
from tests.ports_metering import MemoryFindings
from tests.unit.metering.test_fold import charge

if TYPE_CHECKING:
    from infermeter.metering.findings import Finding
    from infermeter.metering.ledger import LedgerEntry

DAY_MS = 24 * 3600 * 1000
OPAQUE = charge(request_id=RequestId("order#17", None))
LATER = NOW + 7200


class Scene:
    """A consumer two hours after the entries were spooled."""

    def __init__(self) -> None:
        self.ledger, self.findings = MemoryLedger(), MemoryFindings()
        self.consumer = SpoolConsumer(self.ledger, self.findings, Clock(LATER))

    def take(self, *entries: LedgerEntry) -> list[Unspooled]:
        bodies = [orjson.dumps(entry_document(entry)).decode() for entry in entries]
        return self.consumer.consume(
            [SpooledMessage(f"m{index}", body) for index, body in enumerate(bodies)]
        )

    def standing(self) -> list[LedgerEntry]:
        return list(self.ledger.entries.values())


@pytest.mark.parametrize("entry", [charge(), OPAQUE])
def test_an_entry_is_put_as_it_was_but_for_its_commit_time(entry: LedgerEntry) -> None:
    scene = Scene()
    (outcome,) = scene.take(entry)
    assert (outcome.fate, outcome.again) == (Fate.PUT, False)
    assert scene.standing() == [replace(entry, committed_ms=int(LATER * 1000))]


@pytest.mark.parametrize("entry", [charge(), OPAQUE])
def test_one_that_was_applied_late_after_all_is_its_own(entry: LedgerEntry) -> None:
    scene = Scene()
    scene.ledger.put(entry)
    (outcome,) = scene.take(entry)
    assert not outcome.again
    assert scene.standing() == [entry]
    assert scene.findings.found == {}


@pytest.mark.parametrize("entry", [charge(), OPAQUE])
def test_a_replay_is_not_charged_whatever_version_answered_it(entry: LedgerEntry) -> None:
    scene = Scene()
    scene.ledger.put(entry)
    (outcome,) = scene.take(replace(entry, nonce="other", version="2"))
    assert (outcome.fate, outcome.again) == (Fate.STANDS, False)
    assert scene.standing() == [entry]
    assert scene.findings.found == {}


def test_another_payload_under_the_id_is_not_charged_and_found() -> None:
    scene = Scene()
    scene.ledger.put(charge())
    other = charge(nonce="other", payload_hash="g")
    for outcome in (*scene.take(other), *scene.take(other)):
        assert (outcome.fate, outcome.again) == (Fate.CONFLICT, False)
    assert scene.standing() == [charge()]
    (found,) = scene.findings.found.values()
    assert (found.kind, found.tenant) == (FindingKind.CONFLICT, "a")
    assert found.details["request_id"] == charge().request_id.text


@pytest.mark.parametrize(("age_ms", "fate"), [(DAY_MS, Fate.STANDS), (DAY_MS + 1, Fate.CONFLICT)])
def test_an_opaque_ids_age_is_that_when_it_was_answered(age_ms: int, fate: Fate) -> None:
    scene = Scene()
    scene.ledger.put(replace(OPAQUE, committed_ms=OPAQUE.committed_ms - age_ms))
    (outcome,) = scene.take(replace(OPAQUE, nonce="other"))
    assert outcome.fate is fate


@pytest.mark.parametrize("body", ["", "not JSON", "[]", "{}", '{"id":"x"}'])
def test_what_cannot_be_read_stays_in_the_queue_and_stops_nobody(body: str) -> None:
    scene = Scene()
    good = orjson.dumps(entry_document(charge())).decode()
    outcomes = scene.consumer.consume([SpooledMessage("a", body), SpooledMessage("b", good)])
    assert [each.again for each in outcomes] == [True, False]
    assert outcomes[0].fate is Fate.MALFORMED
    assert len(scene.standing()) == 1


def test_a_ledger_that_does_not_answer_has_it_delivered_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene()
    put = scene.ledger.put

    def refuse(entry: LedgerEntry) -> LedgerEntry | None:
        if entry.key_id == "k2":
            raise LedgerUnavailable
        return put(entry)

    monkeypatch.setattr(scene.ledger, "put", refuse)
    outcomes = scene.take(charge(1, key_id="k2"), charge(2))
    assert [each.fate for each in outcomes] == [Fate.RETRY, Fate.PUT]
    assert [each.again for each in outcomes] == [True, False]


def test_a_conflict_that_cannot_be_written_down_is_delivered_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: Finding) -> bool:
        raise StoreUnavailable("usage table: gone; retry")

    scene = Scene()
    scene.ledger.put(charge())
    monkeypatch.setattr(scene.findings, "record", refuse)
    (outcome,) = scene.take(charge(nonce="other", payload_hash="g"))
    assert outcome.again
