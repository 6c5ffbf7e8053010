"""Statements: a tenant's month in lines that add up.

Until its hours are sealed, a month's statement is made anew each time it is asked for. The final
one is kept (`closing`), and served as it was kept from then on.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import orjson

from infermeter.billing.rating import Line, fee, rate
from infermeter.errors import NotFound, UnknownTenant
from infermeter.metering.hours import after, hour_of, start_of
from infermeter.metering.measures import NOTHING, Quantities
from infermeter.metering.usage import Group
from infermeter.metering.windows import Period, month_period

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from infermeter.billing.plans import Plan, PlanStore
    from infermeter.metering.fold import UsageRow
    from infermeter.metering.usage import Usage
    from infermeter.tenants.keys import KeyStore, TenantRecord

# A charge that was not delivered is voided within 25 h. What comes to a closed tenant later is in
# the next month's statement, or the operator's to settle.
VOIDED_AFTER_H = 26


@dataclass(frozen=True, slots=True)
class Total:
    """What is due in one currency: the sum of its lines, each rounded."""

    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Item:
    """What was used by one key of one model version, as one unit, at one price."""

    group: Group
    quantities: Quantities


@dataclass(frozen=True, slots=True)
class Statement:
    """A month (`yyyymm`) of a tenant. `period` is what it covers: less than the month for a tenant
    that was closed in it.

    `digest` is the SHA-256 of the meter's hourly rows behind it; two statements of one digest are
    of the same usage. `final`: all its hours are sealed, and it does not change any more.
    """

    tenant: str
    month: str
    period: Period
    lines: tuple[Line, ...]
    items: tuple[Item, ...]
    final: bool
    watermark: str
    digest: str
    issued_at: int

    @property
    def totals(self) -> tuple[Total, ...]:
        """By currency; more than one where the plan's currency was changed within the month."""
        sums: dict[str, Decimal] = {}
        for line in self.lines:
            if line.currency:
                sums[line.currency] = sums.get(line.currency, Decimal(0)) + line.amount
        return tuple(Total(currency, sums[currency]) for currency in sorted(sums))


class StatementArchive(Protocol):
    """Where final statements are kept. Every method raises StoreUnavailable."""

    def read(self, tenant: str, month: str) -> Statement | None:
        """The one that is kept, or None."""
        ...

    def months(self, tenant: str) -> Collection[str]:
        """Those (`yyyymm`) of which one is kept."""
        ...

    def keep(self, statement: Statement) -> bool:
        """Keeps it, unless one is kept already, which stands: False."""
        ...


class Statements:
    """Makes statements, or finds those that are kept."""

    def __init__(
        self,
        usage: Usage,
        plans: PlanStore,
        keys: KeyStore,
        archive: StatementArchive,
        clock: Callable[[], float],
    ) -> None:
        self._usage, self._plans, self._keys = usage, plans, keys
        self._archive, self._clock = archive, clock

    def of(self, tenant: str, month: str) -> Statement:
        """The month's statement as it is now.

        Raises NotFound for a month before the tenant's first or after the present one,
        UnknownTenant, and UnknownPlan for usage under a plan that is not stored.
        """
        record = self._record(tenant)
        self._check(record, month)
        return self._archive.read(tenant, month) or self.made(record, month)

    def made(self, record: TenantRecord, month: str) -> Statement:
        """The statement that the usage of now makes. Raises UnknownPlan."""
        # First, so that what is sealed meanwhile is not taken for more than it was when read.
        watermark = self._usage.watermark(record.tenant)
        period = Period(month_period(month).start, books_end(record, month))
        rows = sorted(self._usage.hourly(record.tenant, period, watermark), key=_place)
        lines = rate(rows, self._plan, lambda: self._rows_before(record, month, watermark))
        due = self._fee(record, month)
        return Statement(
            tenant=record.tenant,
            month=month,
            period=period,
            lines=(*lines, *due),
            items=_items(rows),
            final=period.end <= watermark,
            watermark=watermark,
            digest=_digest(rows),
            issued_at=int(self._clock()),
        )

    def _rows_before(self, record: TenantRecord, month: str, watermark: str) -> Iterable[UsageRow]:
        before = month_period(after(month_period(month).start, -1)[:6])
        return self._usage.hourly(record.tenant, before, watermark)

    def _fee(self, record: TenantRecord, month: str) -> list[Line]:
        """Of the plan in force at the month's end, or when the tenant was closed; none after."""
        span = month_period(month)
        at = int(start_of(span.end).timestamp()) - 1
        if record.closed_at is not None:
            if _hour(record.closed_at) < span.start:
                return []
            at = min(at, record.closed_at)
        plan = self._plan_at(record.plan_at(at), at)
        return [fee(plan)] if plan is not None and plan.monthly_fee else []

    def _plan_at(self, name: str, at: int) -> Plan | None:
        """The version that was in force at a time, or the first one."""
        plan = self._plans.plan(name) if name else None
        while plan is not None and plan.since > at and plan.version > 1:
            plan = self._plans.plan(name, plan.version - 1)
        return plan

    def _plan(self, reference: str) -> Plan | None:
        name, _, version = reference.rpartition(":")
        return self._plans.plan(name, int(version))

    def _record(self, tenant: str) -> TenantRecord:
        record = self._keys.tenant(tenant)
        if record is None:
            raise UnknownTenant(tenant)
        return record

    def _check(self, record: TenantRecord, month: str) -> None:
        first, last = first_month(record), datetime.fromtimestamp(self._clock(), UTC)
        if not first <= month <= f"{last:%Y%m}":
            raise NotFound(
                f"statement: expected a month from {month_text(first)}, the tenant's first, to "
                f"{last:%Y-%m}, got {month_text(month)}"
            )


def books_end(record: TenantRecord, month: str) -> str:
    """The hour up to which a month's statement goes: its end, or for a tenant that was closed in
    it, until its last requests can have been voided."""
    end = month_period(month).end
    if record.closed_at is None or _hour(record.closed_at) < month_period(month).start:
        return end
    return min(end, after(_hour(record.closed_at), VOIDED_AFTER_H + 1))


def month_text(month: str) -> str:
    """`yyyymm` as `yyyy-mm`."""
    return f"{month[:4]}-{month[4:]}"


def first_month(record: TenantRecord) -> str:
    """The month (`yyyymm`) that a tenant was made in."""
    return _hour(record.created_at)[:6]


def _hour(time: int) -> str:
    return hour_of(time * 1000)


def _place(row: UsageRow) -> tuple[str, ...]:
    return (row.hour, *row.key)


def _items(rows: Sequence[UsageRow]) -> tuple[Item, ...]:
    sums: defaultdict[Group, Quantities] = defaultdict(lambda: NOTHING)
    for row in rows:
        group = Group(*row.key)
        sums[group] = sums[group].plus(row.quantities)
    return tuple(Item(group, sums[group]) for group in sorted(sums))


def _digest(rows: Iterable[UsageRow]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(orjson.dumps([row.hour, *row.key, *row.quantities]) + b"\n")
    return digest.hexdigest()
