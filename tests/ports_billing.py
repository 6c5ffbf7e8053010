"""In-memory stand-ins behind the ports of billing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infermeter.billing.statements import Statement


@dataclass
class MemoryStatements:
    """The `StatementArchive` in a dict; `reads` counts look-ups of any kind."""

    kept: dict[tuple[str, str], Statement] = field(default_factory=dict)
    reads: int = 0

    def read(self, tenant: str, month: str) -> Statement | None:
        self.reads += 1
        return self.kept.get((tenant, month))

    def months(self, tenant: str) -> list[str]:
        self.reads += 1
        return [month for owner, month in self.kept if owner == tenant]

    def keep(self, statement: Statement) -> bool:
        place = (statement.tenant, statement.month)
        return self.kept.setdefault(place, statement) is statement
