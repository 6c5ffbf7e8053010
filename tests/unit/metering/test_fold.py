"""The fold of an hour."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from infermeter.metering.fold import fold
from infermeter.metering.hours import hour_of
from infermeter.metering.ids import Channel, derive_id
from infermeter.metering.ledger import LedgerEntry
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
