"""Committing a charge: new, replayed, reused, too old."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import RequestIdOutsideWindow, RequestIdReused
from infermeter.metering.ids import OPAQUE_WINDOW_S, Channel, RequestId
from infermeter.metering.ledger import Billed, LedgerEntry, commit, payload_hash
from tests.ports import MemoryLedger

FIRST = LedgerEntry(
    tenant="acme",
    request_id=RequestId("opaque", None),
    key_id="k",
    model="m",
    version="1",
    unit="row",
    units=3,
    rows=3,
    bytes_in=10,
    bytes_out=20,
    milliseconds=5,
    channel=Channel.HTTP,
    payload_hash="h",
    nonce="n1",
    committed_ms=1_790_000_000_000,
)


def second(**changes: object) -> object:
    ledger = MemoryLedger()
    commit(ledger, FIRST)
    return commit(ledger, replace(FIRST, **{"nonce": "n2"} | changes))


def test_a_free_id_is_charged() -> None:
    assert commit(MemoryLedger(), FIRST).billed is Billed.NEW


def test_the_same_attempt_met_again_is_still_the_one_charged() -> None:
    assert second(nonce="n1").billed is Billed.NEW


def test_another_attempt_is_a_replay_of_what_stands() -> None:
    replayed = second(units=99, version="2", key_id="other")
    assert replayed.billed is Billed.REPLAY
    assert replayed.entry == FIRST


def test_another_payload_is_refused() -> None:
    with pytest.raises(RequestIdReused, match="'opaque' was used for another request"):
        second(payload_hash="other")


def test_another_tenant_may_use_the_same_id() -> None:
    assert second(tenant="other").billed is Billed.NEW


def test_an_opaque_id_is_replayed_for_a_day() -> None:
    late = FIRST.committed_ms + OPAQUE_WINDOW_S * 1000
    assert second(committed_ms=late).billed is Billed.REPLAY


def test_an_opaque_id_first_used_longer_ago_is_refused() -> None:
    with pytest.raises(RequestIdOutsideWindow, match="send a new id"):
        second(committed_ms=FIRST.committed_ms + OPAQUE_WINDOW_S * 1000 + 1)


def test_an_id_with_a_time_is_replayed_as_long_as_it_is_accepted() -> None:
    ledger, timed = MemoryLedger(), RequestId("timed", FIRST.committed_ms)
    commit(ledger, replace(FIRST, request_id=timed))
    late = replace(FIRST, request_id=timed, nonce="n2", committed_ms=FIRST.committed_ms + 10**9)
    assert commit(ledger, late).billed is Billed.REPLAY


parts = st.tuples(st.text(max_size=4), st.text(max_size=4), st.text(max_size=4), st.binary())


@given(parts, parts)
def test_requests_are_the_same_only_if_all_of_their_parts_are(one: tuple, other: tuple) -> None:
    assert (payload_hash(*one) == payload_hash(*other)) == (one == other)


def test_the_hash_is_of_the_version_as_it_was_named() -> None:
    assert payload_hash("infer", "m", "prod", b"") != payload_hash("infer", "m", "1", b"")
