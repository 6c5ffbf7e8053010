"""A tenant's books: a ledger, its seals, its plan and its statements."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from infermeter.billing.closing import Closing
from infermeter.billing.plans import Plan, Price, Tier
from infermeter.billing.statements import Statements
from infermeter.metering.fold import fold
from infermeter.metering.hours import hour_of, start_of
from infermeter.metering.measures import Measure
from infermeter.metering.usage import Usage
from infermeter.tenants.accounts import Act
from infermeter.tenants.keys import TenantRecord
from tests.ports import Clock, MemoryKeys, MemoryLedger, MemoryPlans
from tests.ports_billing import MemoryStatements
from tests.ports_metering import MemoryUsage
from tests.unit.metering.test_fold import charge

if TYPE_CHECKING:
    from infermeter.billing.closing import ClosingReport
    from infermeter.billing.statements import Statement
    from infermeter.metering.ledger import LedgerEntry

PLAN = Plan(
    name="pro",
    version=1,
    currency="EUR",
    monthly_fee=Decimal("49.90"),
    prices=(Price("*", Measure.UNIT, (Tier(None, Decimal("0.015")),), included=1),),
)


def ms(hour: str) -> int:
    """An hour's beginning in epoch milliseconds."""
    return int(start_of(hour).timestamp() * 1000)


@dataclass
class Books:
    """Of tenant `a`, made in May 2026 and seen from the tenth of June."""

    clock: Clock = field(default_factory=lambda: Clock(ms("2026061012") / 1000))
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    store: MemoryUsage = field(default_factory=MemoryUsage)
    plans: MemoryPlans = field(default_factory=MemoryPlans)
    archive: MemoryStatements = field(default_factory=MemoryStatements)

    def __post_init__(self) -> None:
        self.record = TenantRecord("a", ms("2026051000") // 1000, plan="pro")
        self.add(PLAN)
        self.keys = MemoryKeys(owners={"a": self.record})
        self.restart()

    def restart(self) -> None:
        """A fresh environment: nothing is remembered."""
        self.usage = Usage(self.ledger, self.store, self.keys, self.clock)
        self.statements = Statements(self.usage, self.plans, self.keys, self.archive, self.clock)
        self.closing = Closing(self.statements, self.archive, self.store, self.keys, self.clock)

    def charged(self, hour: str, units: int = 1, **changes: Any) -> LedgerEntry:
        """Puts a charge under the plan's first version."""
        number = len(self.ledger.entries)
        entry = replace(
            charge(number, price="pro:1"), units=units, committed_ms=ms(hour) + number, **changes
        )
        assert self.ledger.put(entry) is None
        return entry

    def sealed_until(self, hour: str) -> None:
        """Moves the watermark; the hours before it have the rows of their entries."""
        for each in {hour_of(entry.committed_ms) for entry in self.ledger.entries.values()}:
            if self.store.watermark("a") <= each < hour:
                rows = fold("a", each, self.ledger.committed("a", each)).rows
                self.store.kept_rows["a", each] = list(rows)
        self.store.watermarks["a"] = hour

    def statement(self, month: str = "202606") -> Statement:
        return self.statements.of("a", month)

    def close(self) -> ClosingReport:
        return self.closing.run(self.clock() + 60)

    def add(self, plan: Plan) -> None:
        """Stores a plan's next version, which is then in force."""
        assert self.plans.add(plan, Act("P#pro", "plan.put", "", self.clock()))

    def change(self, **changes: Any) -> None:
        """Of the tenant's row."""
        self.record = self.keys.owners["a"] = replace(self.record, **changes)
