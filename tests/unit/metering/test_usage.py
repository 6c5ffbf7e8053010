"""Usage as a fold of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from infermeter.errors import UnknownTenant
from infermeter.metering.usage import Usage
from infermeter.tenants.keys import TenantRecord
from tests.ports import NOW, Clock, MemoryKeys

if TYPE_CHECKING:
    from infermeter.metering.ledger import LedgerEntry


def test_a_tenant_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownTenant, match="got 'nobody'"):
        Usage(HoursAsked(), MemoryKeys(), Clock()).rows("nobody")


class HoursAsked:
    """A ledger that holds the same entries in every hour, and remembers which were asked for."""

    def __init__(self, *entries: LedgerEntry) -> None:
        self.hours: list[str] = []
        self.entries = entries

    def committed(self, tenant: str, hour: str) -> tuple[LedgerEntry, ...]:
        self.hours.append(hour)
        return self.entries


def hours_asked(born: float, start: datetime | None = None) -> list[str]:
    keys, ledger = MemoryKeys(tenants={"a": TenantRecord("a", int(born))}), HoursAsked()
    Usage(ledger, keys, Clock()).rows("a", start)
    return ledger.hours


def test_the_month_is_asked_for_from_its_first_hour() -> None:
    asked = hours_asked(born=0)
    now = datetime.fromtimestamp(NOW, UTC)
    assert asked[0] == f"{now:%Y%m}0100"
    assert asked[-1] == f"{now + timedelta(hours=1):%Y%m%d%H}"


def test_nothing_is_asked_for_from_before_the_tenant() -> None:
    assert len(hours_asked(born=NOW)) == 3
