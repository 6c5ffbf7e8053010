"""One request's entries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infermeter.errors import UnknownRequest
from infermeter.metering.adjustment import CARRIED_AGAIN
from infermeter.metering.hours import after, hour_of
from infermeter.metering.ids import RequestId, recorded_id
from infermeter.metering.ledger import Kind, LedgerEntry
from infermeter.metering.requests import ChargedRequest, Requests
from tests.ports import NOW, MemoryLedger
from tests.ports_metering import MemoryUsage
from tests.unit.metering.test_fold import charge

HOUR = hour_of(int(NOW * 1000))
ADJUSTED: dict[str, Any] = {"kind": Kind.ADJUSTMENT, "requests": 0, "units": -1, "rows": 0}


def later(entry: LedgerEntry, hours: int, **changes: Any) -> LedgerEntry:
    return replace(entry, committed_ms=entry.committed_ms + hours * 3600_000, **changes)


def find(*entries: LedgerEntry, watermark: str = "", text: str = "") -> ChargedRequest:
    ledger, store = MemoryLedger(), MemoryUsage(watermarks={"a": watermark})
    for entry in entries:
        ledger.put(entry)
    return Requests(ledger, store).find("a", text or entries[0].request_id.text)


def test_a_charge_is_found_by_its_id_in_any_case() -> None:
    entry = charge()
    assert find(entry, text=entry.request_id.text.upper()).charge == entry


@pytest.mark.parametrize("text", ["another", "", " ", "ż", "x" * 129, "a\nb"])
def test_an_id_that_was_never_charged_is_unknown(text: str) -> None:
    with pytest.raises(UnknownRequest):
        Requests(MemoryLedger(), MemoryUsage()).find("a", text)


@pytest.mark.parametrize("text", ["7" + "Z" * 25, "ffffffff-ffff-7000-8000-000000000000"])
def test_an_id_of_a_time_beyond_all_calendars_is_unknown(text: str) -> None:
    class Reader(MemoryLedger):
        """A ledger that looks where the id says."""

        def of_request(self, tenant: str, request_id: RequestId) -> list[LedgerEntry]:
            hour_of(request_id.time_ms or 0)
            return super().of_request(tenant, request_id)

    with pytest.raises(UnknownRequest):
        Requests(Reader(), MemoryUsage()).find("a", text)
    with pytest.raises(UnknownRequest):
        Requests(Reader(), MemoryUsage()).find("a", "76EZ91ZPZZZZZZZZZZZZZZZZZZ")


def test_another_tenants_request_is_unknown() -> None:
    with pytest.raises(UnknownRequest):
        find(charge(tenant="b"))


@pytest.mark.parametrize("text", ["a/b#c?d%e+f", "ADJ#1#2", "O#a"])
def test_an_id_may_be_any_text(text: str) -> None:
    entry = charge(request_id=recorded_id(text))
    assert find(entry).charge == entry


def test_adjustments_reduce_the_net() -> None:
    entry = charge(units=5)
    adjustments = [later(entry, 1, **ADJUSTED, number=number) for number in (2, 1)]
    found = find(entry, *adjustments)
    assert [each.number for each in found.adjustments] == [1, 2]
    assert (found.net.requests, found.net.units) == (1, 3)


def test_a_carry_accounts_the_charge_elsewhere_and_adds_nothing() -> None:
    entry = charge()
    carry = later(entry, 3, kind=Kind.CARRY)
    found = find(entry, carry, watermark=after(HOUR, 1))
    assert found.net == entry.quantities
    assert found.accounted(entry) == carry
    assert not found.final
    assert find(entry, carry, watermark=after(HOUR, 4)).final


def test_a_carry_that_was_late_is_carried_again() -> None:
    entry = charge()
    again = later(entry, 5, kind=Kind.CARRY, number=CARRIED_AGAIN)
    found = find(entry, later(entry, 3, kind=Kind.CARRY), again, watermark=after(HOUR, 4))
    assert found.accounted(entry) == again
    assert not found.final


def test_an_adjustment_has_a_carry_of_its_own() -> None:
    entry = charge(units=5)
    adjustment = later(entry, 1, **ADJUSTED, number=0)
    carry = later(adjustment, 4, kind=Kind.CARRY, number=1)
    found = find(entry, adjustment, carry, watermark=after(HOUR, 3))
    assert found.net.units == 4
    assert (found.accounted(entry), found.accounted(adjustment)) == (entry, carry)
    assert (found.sealed(entry), found.sealed(adjustment), found.final) == (True, False, False)


def test_it_is_final_once_the_last_of_its_hours_is_sealed() -> None:
    entry = charge()
    adjustment = later(entry, 2, **ADJUSTED, number=1)
    assert not find(entry).final
    assert find(entry, watermark=after(HOUR)).final
    assert not find(entry, adjustment, watermark=after(HOUR)).final
    assert find(entry, adjustment, watermark=after(HOUR, 3)).final
