"""What the operator does with tenants. A tenant's name is never another's: nothing is removed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infermeter.errors import AdministrationRefused, InvalidRequest, UnknownPlan, UnknownTenant
from infermeter.limits.terms import UNLIMITED, Limits
from infermeter.metering.sharding import first_open
from infermeter.tenants.accounts import Act, attempted
from infermeter.tenants.keys import TenantRecord, TenantState, check_tenant_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infermeter.tenants.accounts import Accounts, Trail

MAX_REASON_CHARACTERS = 200
_SHOWN_ACTS = 20


@dataclass(frozen=True, slots=True)
class TenantView:
    """A tenant, with what bounds it in all and what was done to it lately."""

    record: TenantRecord
    price: str
    limits: Limits
    acts: Sequence[Act]


class TenantAdministration:
    """Creates, suspends, resumes, bounds and closes tenants; `actor` says who does."""

    def __init__(
        self,
        store: Accounts,
        trail: Trail,
        clock: Callable[[], float],
        actor: Callable[[], str],
    ) -> None:
        self._store, self._trail, self._clock, self._actor = store, trail, clock, actor

    def create(self, tenant: str, plan: str = "", limits: Limits = UNLIMITED) -> TenantRecord:
        """A new tenant. Raises InvalidRequest, UnknownPlan, and AdministrationRefused for a name
        that is taken, be its tenant closed."""
        check_tenant_name(tenant)
        self._check_plan(plan)
        now = int(self._clock())
        record = TenantRecord(tenant, now, limits=limits).on_plan(plan, now)
        act = self._act(tenant, "tenant.create", plan=plan, limits=str(limits))
        if not self._store.add_tenant(record, act):
            raise AdministrationRefused(
                f"tenant '{tenant}': expected a name that is free, got one that is taken"
            )
        return record

    def all(self) -> Sequence[TenantRecord]:
        """By name, those that are closed among them."""
        return list(self._store.tenants())

    def view(self, tenant: str) -> TenantView:
        """One tenant; UnknownTenant if there is none."""
        record = self._known(tenant)
        terms = self._store.terms(record.plan) if record.plan else None
        acts = self._trail.last(tenant, _SHOWN_ACTS)
        if terms is None:
            return TenantView(record, "", record.limits, acts)
        return TenantView(record, terms.reference, record.limits.over(terms.limits), acts)

    def suspend(self, tenant: str, reason: str) -> TenantRecord:
        """Refuses what its keys ask for, everywhere within 30 s; they may still read its usage."""
        if len(reason) > MAX_REASON_CHARACTERS or not reason.isprintable():
            raise InvalidRequest(
                f"reason: expected at most {MAX_REASON_CHARACTERS} printable characters, "
                f"got '{reason}'"
            )
        return self._change(
            tenant,
            "tenant.suspend",
            lambda record: replace(record, state=TenantState.SUSPENDED, reason=reason),
            reason=reason,
        )

    def resume(self, tenant: str) -> TenantRecord:
        """Serves it again, everywhere within 30 s."""
        return self._change(
            tenant,
            "tenant.resume",
            lambda record: replace(record, state=TenantState.ACTIVE, reason=""),
        )

    def assign(self, tenant: str, plan: str) -> TenantRecord:
        """Puts it on a plan, or with "" on none; what it used before is charged as it was."""
        self._check_plan(plan)
        now = int(self._clock())
        return self._change(
            tenant, "tenant.plan", lambda record: record.on_plan(plan, now), plan=plan
        )

    def limit(self, tenant: str, limits: Limits) -> TenantRecord:
        """Limits of its own, each in place of the plan's; with none set the plan's hold again."""
        return self._change(
            tenant,
            "tenant.limit",
            lambda record: replace(record, limits=limits),
            limits=str(limits),
        )

    def shard(self, tenant: str, count: int) -> TenantRecord:
        """Divides its ledger's hours into 1, 16 or 256 partitions, from the third hour after this
        one on, in place of a change that is still over an hour away. Raises InvalidRequest."""
        now_ms = int(self._clock() * 1000)
        return self._change(
            tenant,
            "tenant.shards",
            lambda record: replace(record, sharding=record.sharding.changed(count, now_ms)),
            shards=count,
            hour=first_open(now_ms),
        )

    def close(self, tenant: str) -> TenantRecord:
        """Ends it for ever: its keys are refused within 30 s; its ledger stays."""
        now = int(self._clock())
        return self._change(
            tenant,
            "tenant.close",
            lambda record: replace(record, state=TenantState.CLOSED, closed_at=now),
        )

    def _change(
        self,
        tenant: str,
        act: str,
        change: Callable[[TenantRecord], TenantRecord],
        **details: str | int,
    ) -> TenantRecord:
        """The changed row. Raises UnknownTenant; AdministrationRefused for one that is closed."""

        def attempt() -> TenantRecord | None:
            record = self._known(tenant)
            if record.state is TenantState.CLOSED:
                raise AdministrationRefused(
                    f"tenant '{tenant}': expected one that is open, got one that is closed"
                )
            changed = change(record)
            if changed == record:
                return record
            done = self._act(tenant, act, **details)
            return changed if self._store.put_tenant(changed, done) else None

        return attempted(f"tenant '{tenant}'", attempt)

    def _known(self, tenant: str) -> TenantRecord:
        record = self._store.tenant(tenant)
        if record is None:
            raise UnknownTenant(tenant)
        return record

    def _check_plan(self, plan: str) -> None:
        if plan and self._store.terms(plan) is None:
            raise UnknownPlan(plan)

    def _act(self, tenant: str, act: str, **details: str | int) -> Act:
        return Act(tenant, act, self._actor(), self._clock(), details)
