"""Storing plans: a change makes a version, and no version changes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from infermeter.billing.plans import Plan, PlanAdministration
from infermeter.errors import AdministrationRefused, UnknownPlan
from tests.ports import Clock, MemoryPlans

PLAN = Plan("gold", 0, "EUR", Decimal("1.50"), ())


@pytest.fixture
def store() -> MemoryPlans:
    return MemoryPlans()


@pytest.fixture
def administration(store: MemoryPlans) -> PlanAdministration:
    return PlanAdministration(store, Clock(), lambda: "me")


def test_the_first_is_version_one(administration: PlanAdministration) -> None:
    assert administration.put(PLAN) == (replace(PLAN, version=1), True)


def test_the_same_again_changes_nothing(
    administration: PlanAdministration, store: MemoryPlans
) -> None:
    administration.put(PLAN)
    same = replace(PLAN, monthly_fee=Decimal("1.5"))
    assert administration.put(same) == (replace(PLAN, version=1), False)
    assert len(store.versions["gold"]) == len(store.acts) == 1


def test_a_change_is_a_new_version_beside_the_old(administration: PlanAdministration) -> None:
    administration.put(PLAN)
    administration.put(replace(PLAN, monthly_fee=Decimal(9)))
    assert administration.plan("gold").monthly_fee == Decimal(9)
    assert administration.plan("gold").version == 2
    assert administration.plan("gold:1").monthly_fee == Decimal("1.50")


def test_who_is_overtaken_makes_the_version_after(store: MemoryPlans) -> None:
    class Overtaken(MemoryPlans):
        def add(self, plan: Plan, act: object) -> bool:
            if not self.acts:
                super().add(replace(plan, monthly_fee=Decimal(7)), act)
                return False
            return super().add(plan, act)

    administration = PlanAdministration(Overtaken(), Clock(), lambda: "me")
    assert administration.put(PLAN).plan.version == 2


def test_who_is_always_overtaken_is_told(store: MemoryPlans) -> None:
    store.add = lambda *_: False
    with pytest.raises(AdministrationRefused, match="plan 'gold': expected nobody else"):
        PlanAdministration(store, Clock(), lambda: "me").put(PLAN)


@pytest.mark.parametrize(
    "reference", ["silver", "gold:2", "gold:0", "gold:x", "gold:", "", "#", "a:b:c"]
)
def test_a_plan_nobody_stored_is_unknown(
    administration: PlanAdministration, reference: str
) -> None:
    administration.put(PLAN)
    with pytest.raises(UnknownPlan):
        administration.plan(reference)


def test_the_trail_says_who_put_which_version(
    administration: PlanAdministration, store: MemoryPlans
) -> None:
    administration.put(PLAN)
    (act,) = store.acts
    assert (act.subject, act.act, act.actor) == ("PLAN#gold", "plan.put", "me")
    assert act.details == {"plan": "gold", "version": 1}
