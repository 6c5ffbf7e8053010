"""What the operator does with rows that failed, and how far each export is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infermeter.errors import AdministrationRefused
from infermeter.export.outbox import Progress, RowState, cursor_of
from infermeter.export.planning import identity, sums
from infermeter.metering.hours import start_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from infermeter.export.configuration import Account, ExportStore, Target
    from infermeter.export.outbox import Outbox, Row
    from infermeter.export.vendors import Vendor
    from infermeter.metering.seal import UsageStore

_DUPLICATE = "DuplicateRecord"


@dataclass(frozen=True, slots=True)
class ExportStatus:
    """How far one tenant's export to one target is.

    `cursor` is the first hour of which not all is acknowledged; `oldest_s` the age of the oldest
    row that is not. `missing` is, by meter, what the planned hours have and neither rows nor carry
    account for: nothing, always. It is worked out where that was asked for.
    """

    target: str
    tenant: str
    customer: str
    planned: str
    cursor: str
    pending: int
    failed: int
    oldest_s: int
    carry: Mapping[str, int]
    missing: Mapping[str, int]
    errors: tuple[str, ...]


class ExportRepair:
    """Retries, the operator's word, and status."""

    def __init__(
        self,
        store: ExportStore,
        outbox: Outbox,
        usage: UsageStore,
        vendors: Callable[[Target], Vendor],
        clock: Callable[[], float],
    ) -> None:
        self._store, self._outbox, self._usage = store, outbox, usage
        self._vendors, self._clock = vendors, clock

    def retry(
        self, only: str | None = None, tenant: str | None = None, *, not_counted: bool = False
    ) -> list[Row]:
        """Gives failed rows another chance; those that it did.

        A refused one gets a new revision, under the customer that the tenant is mapped to now; or,
        where the vendor takes its hour no more, its quantity goes to the next hour. One that may
        have been counted is sent again as it is, while the vendor would count it once; later it
        is left alone, unless `not_counted` says that the operator looked and it was not.
        """
        changed = []
        for target, account in self._accounts(only, tenant):
            vendor = self._vendors(target)
            for row in self._rows(target, account):
                if row.state is not RowState.FAILED:
                    continue
                if not_counted and row.doubt:
                    row = self._without_doubt(row)
                if self._retry(target, account, vendor, row):
                    changed.append(row)
        return changed

    def settle(self, target: str, tenant: str, hour: str, meter: str) -> Row:
        """Takes the operator's word that the vendor has counted a failed row.

        Raises AdministrationRefused when there is no such row.
        """
        for row in self._outbox.rows(target, tenant, hour):
            if (row.hour, row.meter, row.state) == (hour, meter, RowState.FAILED):
                done = replace(row, state=RowState.ACKNOWLEDGED, receipt="the operator's word")
                if self._outbox.change(row, done):
                    return done
        raise AdministrationRefused(
            f"row: expected a failed one of '{meter}' in hour {hour}, got none; "
            "`exports status` counts them"
        )

    def status(
        self, only: str | None = None, tenant: str | None = None, *, check: bool = False
    ) -> list[ExportStatus]:
        """How far each export is; `check` reads all of its rows, and adds up what is missing."""
        return [self._status(*each, check) for each in self._accounts(only, tenant)]

    def _accounts(self, only: str | None, tenant: str | None) -> Iterator[tuple[Target, Account]]:
        configuration = self._store.configuration()
        if only is not None:
            configuration.target(only)
        for account in self._store.accounts():
            if only in (None, account.target) and tenant in (None, account.tenant):
                yield configuration.target(account.target), account

    def _rows(self, target: Target, account: Account) -> list[Row]:
        progress = self._outbox.progress(target.name, account.tenant)
        if progress is None:
            return []
        return list(self._outbox.rows(target.name, account.tenant, progress.cursor))

    def _without_doubt(self, row: Row) -> Row:
        after = replace(row, doubt=False)
        return after if self._outbox.change(row, after) else row

    def _retry(self, target: Target, account: Account, vendor: Vendor, row: Row) -> bool:
        now = self._clock()
        if row.doubt:
            if vendor.terms.forgotten(row.first_at, now):
                return False
            return self._outbox.change(row, replace(row, state=RowState.PENDING, next_at=0))
        if row.error == _DUPLICATE or vendor.terms.late(start_of(row.hour), now):
            return self._carry(row)
        revision = row.revision + 1
        again = replace(
            row,
            revision=revision,
            customer=account.customer,
            licence=account.licence,
            payload_id=identity(target, row.tenant, row.hour, row.meter, revision),
            state=RowState.PENDING,
            attempts=0,
            first_at=0,
            next_at=0,
        )
        return self._outbox.move(row, again)

    def _carry(self, row: Row) -> bool:
        progress = self._outbox.progress(row.target, row.tenant)
        if progress is None:
            return False
        total = progress.carry.get(row.meter, 0) + row.quantity
        carry = {**progress.carry, row.meter: total}
        after = replace(progress, carry=carry, version=progress.version + 1)
        return self._outbox.move(row, after)

    def _status(self, target: Target, account: Account, check: bool) -> ExportStatus:
        progress = self._outbox.progress(target.name, account.tenant)
        progress = progress or Progress(account.start, account.start)
        rows = self._rows(target, account)
        waiting = [row for row in rows if row.state in (RowState.PENDING, RowState.SENT)]
        failed = [row for row in rows if row.state is RowState.FAILED]
        oldest = min((row.hour for row in (*waiting, *failed)), default="")
        age_s = self._clock() - start_of(oldest).timestamp() if oldest else 0
        return ExportStatus(
            target=target.name,
            tenant=account.tenant,
            customer=account.customer,
            planned=progress.planned,
            cursor=cursor_of(progress, rows),
            pending=len(waiting),
            failed=len(failed),
            oldest_s=int(age_s),
            carry=progress.carry,
            missing=self._missing(target, account, progress) if check else {},
            errors=tuple(sorted({row.error for row in (*waiting, *failed) if row.error})),
        )

    def _missing(self, target: Target, account: Account, progress: Progress) -> dict[str, int]:
        rows = self._outbox.rows(target.name, account.tenant, account.start)
        meters = self._store.configuration().meters_of(target)
        rows_used = self._usage.rows(account.tenant, account.start, progress.planned)
        used = sums((each for each in rows_used if account.covers(each.hour)), meters)
        missing = {}
        for meter in meters:
            stated = sum(
                row.quantity
                for row in rows
                if row.meter == meter.name
                and row.hour >= meter.start
                and row.state is not RowState.MOVED
            )
            accounted = stated + progress.carry.get(meter.name, 0)
            missing[meter.name] = used.get(meter.name, 0) - accounted
        return {name: quantity for name, quantity in missing.items() if quantity}
