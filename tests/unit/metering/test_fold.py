"""The fold of an hour."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.metering.archive import line_of
from infermeter.metering.fold import fold, fold_lines
from infermeter.metering.hours import hour_of
from infermeter.metering.ids import Channel, RequestId, derive_id
from infermeter.metering.ledger import Kind, LedgerEntry
from infermeter.metering.measures import NOTHING
from tests.ports import NOW

HOUR = hour_of(int(NOW * 1000))
few = st.integers(0, 5)


def charge(number: int = 0, **changes: object) -> LedgerEntry:
    """An entry of its own id, committed in HOUR."""
    plain = LedgerEntry(
        tenant="a",
        request_id=derive_id(int(NOW * 1000), str(number)),
        key_id="k1",
        model="m",
        version="1",
        unit="row",
        units=1,
        rows=1,
        bytes_in=1,
        bytes_out=1,
        milliseconds=1,
        channel=Channel.HTTP,
        payload_hash="h",
        nonce="n",
        committed_ms=int(NOW * 1000),
    )
    return replace(plain, **changes)


varied = st.fixed_dictionaries(
    {
        "key_id": st.sampled_from(["k1", "k2"]),
        "model": st.sampled_from(["m", "n"]),
        "version": st.sampled_from(["1", "2"]),
        "unit": st.sampled_from(["row", "request"]),
        "price": st.sampled_from(["", "pro:1"]),
        "units": few,
        "rows": few,
        "tokens": few,
        "bytes_in": few,
        "bytes_out": few,
        "milliseconds": few,
    }
)
entries = st.lists(varied, max_size=12).map(
    lambda some: [charge(index, **changes) for index, changes in enumerate(some)]
)


@given(stream=entries, data=st.data())
def test_order_and_repetition_change_nothing(
    stream: list[LedgerEntry], data: st.DataObject
) -> None:
    repeated = stream + (data.draw(st.lists(st.sampled_from(stream))) if stream else [])
    shuffled = data.draw(st.permutations(repeated))
    assert fold("a", HOUR, shuffled) == fold("a", HOUR, stream)


@given(entries)
def test_nothing_is_lost(stream: list[LedgerEntry]) -> None:
    folded = fold("a", HOUR, stream)
    total = NOTHING
    for entry in stream:
        total = total.plus(entry.quantities)
    assert folded.summary.quantities == total
    assert folded.summary.count == len(stream) == len(folded.identities)


@given(entries)
def test_there_is_one_row_for_each_key_model_version_unit_and_price(
    stream: list[LedgerEntry],
) -> None:
    keys = [row.key for row in fold("a", HOUR, stream).rows]
    assert keys == sorted(set(keys))


def test_what_is_anothers_or_of_another_hour_is_left_out() -> None:
    others = [charge(1, tenant="b"), charge(2, committed_ms=int(NOW * 1000) + 3_600_000)]
    assert fold("a", HOUR, others).summary.count == 0


def test_two_sets_of_one_size_differ_in_their_digest() -> None:
    one, two = (fold("a", HOUR, [charge(number)]).summary for number in (1, 2))
    assert one.digest != two.digest
    assert one.quantities == two.quantities


def lines_of(some: list[LedgerEntry]) -> list[bytes]:
    return [line_of(entry) for entry in some]


@given(stream=entries, data=st.data())
def test_the_fold_of_lines_is_that_of_entries_for_each_tenant(
    stream: list[LedgerEntry], data: st.DataObject
) -> None:
    mixed = [replace(each, tenant=data.draw(st.sampled_from("ab"))) for each in stream]
    later = [charge(99, committed_ms=int(NOW * 1000) + 3_600_000)]
    folded = fold_lines(HOUR, data.draw(st.permutations(lines_of(mixed + mixed[:3] + later))))
    present = {each.tenant for each in mixed}
    assert folded == {tenant: fold(tenant, HOUR, mixed) for tenant in present}


def test_a_charge_whose_id_looks_like_an_adjustment_is_another_entry() -> None:
    adjustment = replace(charge(kind=Kind.ADJUSTMENT, request_id=RequestId("x", None)), number=1)
    for text in ("adj#1#x", "ADJ#x#1", "1#x"):
        pair = [adjustment, charge(request_id=RequestId(text, None))]
        assert fold("a", HOUR, pair).summary.count == 2


@pytest.mark.parametrize("line", [b"not JSON", b"{}", b"[]"])
def test_a_line_that_is_no_entry_is_not_left_out(line: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        fold_lines(HOUR, [line])
