"""Tenants: made once, suspended and resumed, closed for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infermeter.errors import AdministrationRefused, InvalidRequest, UnknownPlan, UnknownTenant
from infermeter.limits.terms import UNLIMITED, Budget, Limits, Rate
from infermeter.metering.sharding import ShardChange, Sharding, first_open
from infermeter.tenants.administration import KeyAdministration
from infermeter.tenants.keys import PlanTerms, TenantRecord, TenantState
from infermeter.tenants.tenancy import TenantAdministration
from tests.ports import NOW, PEPPER, Clock, MemoryKeys

LIMITS = Limits(Rate(5.0, 5), Budget(10))


@pytest.fixture
def store() -> MemoryKeys:
    return MemoryKeys(plans={"gold": PlanTerms("gold", 2, LIMITS)})


@pytest.fixture
def administration(store: MemoryKeys) -> TenantAdministration:
    return TenantAdministration(store, store, Clock(), lambda: "me")


def test_a_tenant_is_made_on_its_plan(administration: TenantAdministration) -> None:
    made = administration.create("acme", "gold", Limits(Rate(1.0, 1)))
    expected = TenantRecord("acme", int(NOW), limits=Limits(Rate(1.0, 1)))
    assert made == expected.on_plan("gold", int(NOW))
    assert (made.plan, made.plan_at(0)) == ("gold", "gold")
    assert administration.all() == [made]


def test_a_name_is_given_once(administration: TenantAdministration) -> None:
    administration.create("acme")
    administration.close("acme")
    with pytest.raises(AdministrationRefused, match="got one that is taken"):
        administration.create("acme")


def test_a_bad_name_or_plan_makes_nothing(
    administration: TenantAdministration, store: MemoryKeys
) -> None:
    with pytest.raises(InvalidRequest):
        administration.create("a#b")
    with pytest.raises(UnknownPlan, match="got 'silver'"):
        administration.create("acme", "silver")
    assert not store.owners


def test_a_suspended_tenant_says_why_until_it_is_resumed(
    administration: TenantAdministration,
) -> None:
    administration.create("acme")
    suspended = administration.suspend("acme", "unpaid")
    assert (suspended.state, suspended.reason) == (TenantState.SUSPENDED, "unpaid")
    resumed = administration.resume("acme")
    assert (resumed.state, resumed.reason) == (TenantState.ACTIVE, "")


@pytest.mark.parametrize("reason", ["x" * 201, "a\nb"])
def test_a_reason_is_one_readable_line(administration: TenantAdministration, reason: str) -> None:
    administration.create("acme")
    with pytest.raises(InvalidRequest, match="reason: expected"):
        administration.suspend("acme", reason)


def test_a_view_has_the_limits_in_force(administration: TenantAdministration) -> None:
    administration.create("acme")
    assert administration.view("acme").limits == UNLIMITED
    administration.assign("acme", "gold")
    administration.limit("acme", Limits(budget=Budget(3)))
    view = administration.view("acme")
    assert (view.price, view.limits) == ("gold:2", Limits(LIMITS.rate, Budget(3)))
    administration.limit("acme", UNLIMITED)
    assert administration.view("acme").limits == LIMITS


def test_a_plan_that_nobody_stored_is_not_assigned(administration: TenantAdministration) -> None:
    administration.create("acme", "gold")
    with pytest.raises(UnknownPlan):
        administration.assign("acme", "silver")
    assert administration.assign("acme", "").plan == ""


def test_shards_change_from_a_future_hour_and_the_act_says_which(
    administration: TenantAdministration,
) -> None:
    administration.create("acme")
    hour = first_open(int(NOW * 1000))
    for _ in range(2):
        changed = administration.shard("acme", 16)
        assert changed.sharding == Sharding((ShardChange(hour, 16),))
    (act, _) = administration.view("acme").acts
    assert (act.act, act.details) == ("tenant.shards", {"shards": 16, "hour": hour})
    with pytest.raises(InvalidRequest, match="shards: expected one of"):
        administration.shard("acme", 17)


def test_a_closed_tenant_stays_closed(administration: TenantAdministration) -> None:
    administration.create("acme", "gold")
    closed = administration.close("acme")
    assert (closed.state, closed.closed_at, closed.plan) == (TenantState.CLOSED, int(NOW), "gold")
    for act in (
        lambda: administration.close("acme"),
        lambda: administration.resume("acme"),
        lambda: administration.suspend("acme", ""),
        lambda: administration.assign("acme", "gold"),
        lambda: administration.limit("acme", LIMITS),
        lambda: administration.shard("acme", 16),
    ):
        with pytest.raises(AdministrationRefused, match="got one that is closed"):
            act()


def test_a_closed_tenant_gets_no_key(
    administration: TenantAdministration, store: MemoryKeys
) -> None:
    administration.create("acme")
    administration.close("acme")
    with pytest.raises(AdministrationRefused, match="got one that is closed"):
        KeyAdministration(store, lambda: PEPPER, Clock()).create("acme")
    assert not store.records


def test_a_tenant_nobody_made_is_unknown(administration: TenantAdministration) -> None:
    for act in (administration.view, administration.close, administration.resume):
        with pytest.raises(UnknownTenant):
            act("nobody")


def test_every_change_is_in_the_trail_and_nothing_else(
    administration: TenantAdministration,
) -> None:
    administration.create("acme")
    administration.suspend("acme", "unpaid")
    administration.suspend("acme", "unpaid")
    administration.resume("acme")
    administration.assign("acme", "gold")
    acts = administration.view("acme").acts
    assert [act.act for act in acts] == [
        "tenant.plan",
        "tenant.resume",
        "tenant.suspend",
        "tenant.create",
    ]
    assert acts[2].details == {"reason": "unpaid"}
    assert {act.actor for act in acts} == {"me"}


def test_a_change_goes_on_what_others_changed_meanwhile(store: MemoryKeys) -> None:
    class Overtaken(MemoryKeys):
        def put_tenant(self, record: TenantRecord, act: object) -> bool:
            if not self.owners["acme"].plan:
                standing = self.owners["acme"]
                self.owners["acme"] = replace(standing, plan="gold", revision=7)
            return super().put_tenant(record, act)

    overtaken = Overtaken(owners={"acme": TenantRecord("acme", 1)}, plans=store.plans)
    administration = TenantAdministration(overtaken, overtaken, Clock(), lambda: "me")
    assert administration.suspend("acme", "").plan == "gold"
    assert overtaken.owners["acme"].state is TenantState.SUSPENDED
