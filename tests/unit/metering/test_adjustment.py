"""Adjustments and carries."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.errors import AdministrationRefused, InvalidRequest, UnknownRequest
from infermeter.metering.adjustment import Adjustments
from infermeter.metering.fold import fold
from infermeter.metering.hours import hour_of
from infermeter.metering.ids import LEDGER_TTL_S, RequestId
from infermeter.metering.ledger import Kind, LedgerEntry
from infermeter.metering.measures import NOTHING, Quantities
from tests.ports import NOW, Clock, MemoryLedger
from tests.unit.metering.test_fold import charge

LATER = NOW + 7200
CHARGE = charge(units=10, rows=10, tokens=40, lease="lease", price="pro:1", gateway_id="g")
SOME = Quantities(units=3, rows=3, tokens=12)
few = st.builds(Quantities, *[st.integers(0, 6)] * 7)


class Rivals(MemoryLedger):
    """A ledger in which `rivals` are put just before whatever is put next."""

    def __init__(self, *entries: LedgerEntry) -> None:
        super().__init__()
        self.rivals: list[LedgerEntry] = []
        for entry in entries:
            self.put(entry)

    def put(self, entry: LedgerEntry) -> LedgerEntry | None:
        rivals, self.rivals = self.rivals, []
        for rival in rivals:
            super().put(rival)
        return super().put(entry)


def books(*entries: LedgerEntry) -> tuple[Rivals, Adjustments]:
    ledger = Rivals(*entries)
    return ledger, Adjustments(ledger, ledger, Clock(LATER))


def adjust(
    adjustments: Adjustments, quantities: Quantities = SOME, number: int = 0, reason: str = "why"
) -> LedgerEntry:
    return adjustments.adjust("a", CHARGE.request_id, quantities, number=number, reason=reason)


def left(ledger: MemoryLedger) -> Quantities:
    total = NOTHING
    for entry in ledger.of_request("a", CHARGE.request_id):
        total = total.plus(entry.quantities)
    return total


def test_an_adjustment_takes_off_the_charge_under_its_key_and_price_now() -> None:
    ledger, adjustments = books(CHARGE)
    entry = adjust(adjustments)
    assert ledger.entries["a", entry.identity] == entry
    assert (entry.kind, entry.number, entry.reason) == (Kind.ADJUSTMENT, 0, "why")
    assert entry.quantities == NOTHING.minus(SOME)
    assert (entry.key_id, entry.price, entry.model) == ("k1", "pro:1", "m")
    assert hour_of(entry.committed_ms) == hour_of(int(LATER * 1000))
    assert left(ledger) == CHARGE.quantities.minus(SOME)


def test_it_gives_nothing_back_to_a_lease_that_is_over() -> None:
    _, adjustments = books(CHARGE)
    assert adjust(adjustments).lease == ""


def test_the_same_adjustment_again_is_the_first() -> None:
    ledger, adjustments = books(CHARGE)
    assert adjust(adjustments) == adjust(adjustments)
    assert left(ledger) == CHARGE.quantities.minus(SOME)


def test_another_adjustment_under_its_number_is_refused() -> None:
    ledger, adjustments = books(CHARGE)
    adjust(adjustments)
    with pytest.raises(AdministrationRefused, match="expected a number that is free"):
        adjust(adjustments, Quantities(units=1))
    assert len(ledger.entries) == 2


@pytest.mark.parametrize("number", [1, 7, -1])
def test_numbers_have_no_gap(number: int) -> None:
    ledger, adjustments = books(CHARGE)
    with pytest.raises(AdministrationRefused, match="number 0"):
        adjust(adjustments, number=number)
    assert len(ledger.entries) == 1


@pytest.mark.parametrize(
    "quantities",
    [Quantities(units=11), Quantities(requests=2), Quantities(units=-1), NOTHING],
)
def test_no_more_is_taken_than_is_left(quantities: Quantities) -> None:
    ledger, adjustments = books(CHARGE)
    with pytest.raises(AdministrationRefused, match="10 units"):
        adjust(adjustments, quantities)
    assert left(ledger) == CHARGE.quantities


def test_what_was_taken_is_not_left() -> None:
    ledger, adjustments = books(CHARGE)
    adjust(adjustments, Quantities(units=6))
    with pytest.raises(AdministrationRefused, match="4 units"):
        adjust(adjustments, Quantities(units=5), number=1)
    adjust(adjustments, Quantities(units=4), number=1)
    assert left(ledger).units == 0


def test_a_void_takes_all_of_it_the_request_too() -> None:
    ledger, adjustments = books(CHARGE)
    entry = adjustments.void("a", CHARGE.request_id, reason="undelivered")
    assert (entry.number, entry.requests) == (0, -1)
    assert left(ledger) == NOTHING
    assert adjustments.void("a", CHARGE.request_id, reason="undelivered") == entry


def test_a_void_takes_what_adjustments_left() -> None:
    ledger, adjustments = books(CHARGE)
    adjust(adjustments)
    entry = adjustments.void("a", CHARGE.request_id, reason="undelivered")
    assert entry.quantities == SOME.minus(CHARGE.quantities)
    assert left(ledger) == NOTHING


def test_after_a_void_nothing_is_left_to_adjust() -> None:
    _, adjustments = books(CHARGE)
    adjustments.void("a", CHARGE.request_id, reason="undelivered")
    with pytest.raises(AdministrationRefused, match="nothing"):
        adjust(adjustments, number=1)


@given(few, few)
def test_an_adjustment_in_the_midst_of_a_void_is_not_taken_twice(
    one: Quantities, two: Quantities
) -> None:
    rich = replace(CHARGE, **Quantities(*[12] * 7)._asdict())
    ledger, adjustments = books(rich)
    taken = [NOTHING.minus(each) for each in (one, two)]
    ledger.rivals = [
        replace(rich, **each._asdict(), kind=Kind.ADJUSTMENT, number=number, nonce=str(number))
        for number, each in enumerate(taken)
    ]
    adjustments.void("a", rich.request_id, reason="undelivered")
    assert left(ledger) == NOTHING


def test_a_void_in_the_midst_of_an_adjustment_leaves_nothing_to_it() -> None:
    ledger, adjustments = books(CHARGE)
    whole = NOTHING.minus(CHARGE.quantities)._asdict()
    ledger.rivals = [replace(CHARGE, **whole, kind=Kind.ADJUSTMENT, nonce="void")]
    with pytest.raises(AdministrationRefused):
        adjust(adjustments)
    assert left(ledger) == NOTHING


@pytest.mark.parametrize("tenant", ["a", "b"])
def test_what_was_never_charged_is_not_adjusted(tenant: str) -> None:
    ledger, adjustments = books(replace(CHARGE, tenant="c"))
    for act in (
        lambda: adjust(adjustments),
        lambda: adjustments.void(tenant, CHARGE.request_id, reason="x"),
    ):
        with pytest.raises(UnknownRequest):
            act()
    assert len(ledger.entries) == 1


@pytest.mark.parametrize("reason", ["", "x" * 201])
def test_a_reason_is_given_in_a_sentence(reason: str) -> None:
    _, adjustments = books(CHARGE)
    with pytest.raises(InvalidRequest, match="reason"):
        adjust(adjustments, reason=reason)


def late(adjustments: Adjustments) -> list[LedgerEntry]:
    """A charge, two adjustments and a charge whose id looks like theirs."""
    first, second = adjust(adjustments), adjust(adjustments, Quantities(units=1), 1)
    return [CHARGE, first, second, charge(request_id=RequestId("adj#0#x", None))]


def test_each_entry_is_carried_once_in_its_quantities() -> None:
    ledger, adjustments = books(CHARGE)
    entries = late(adjustments)
    assert [adjustments.carry(entry) for entry in entries] == [True] * 4
    assert [adjustments.carry(entry) for entry in entries] == [False] * 4
    carried = [each for each in ledger.entries.values() if each.kind is Kind.CARRY]
    assert [each.quantities for each in carried] == [each.quantities for each in entries]
    assert {hour_of(each.committed_ms) for each in carried} == {hour_of(int(LATER * 1000))}
    assert {each.price for each in carried} == {"pro:1", ""}


def test_what_is_as_old_as_the_ledgers_memory_is_not_carried() -> None:
    # Its carry, put in its first days, would be forgotten by then: it would count twice.
    ledger = MemoryLedger()
    for age_s, carried in ((LEDGER_TTL_S - 1, True), (LEDGER_TTL_S, False)):
        old = charge(age_s, committed_ms=int((LATER - age_s) * 1000))
        assert Adjustments(ledger, ledger, Clock(LATER)).carry(old) is carried
    assert len(ledger.entries) == 1


def test_a_carry_that_was_late_itself_is_carried() -> None:
    ledger, adjustments = books(CHARGE)
    adjustments.carry(CHARGE)
    (carried,) = (each for each in ledger.entries.values() if each.kind is Kind.CARRY)
    assert adjustments.carry(carried)
    assert not adjustments.carry(carried)


def test_a_carry_is_no_part_of_what_is_left() -> None:
    ledger, adjustments = books(CHARGE)
    adjustments.carry(CHARGE)
    adjustments.void("a", CHARGE.request_id, reason="undelivered")
    folded = fold("a", hour_of(int(LATER * 1000)), ledger.entries.values())
    assert folded.summary.quantities == NOTHING
