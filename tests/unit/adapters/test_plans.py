"""Plans in the control table."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from infermeter.billing.plans import Plan, Price, Tier
from infermeter.limits.terms import Budget, Limits, Rate
from infermeter.metering.measures import Measure
from infermeter.tenants.accounts import Act
from infermeter.tenants.keys import PlanTerms

if TYPE_CHECKING:
    from infermeter.adapters.plans import DynamoPlans
    from tests.cloud import Cloud

LIMITS = Limits(Rate(2.5, 5), Budget(10, Measure.BYTE))
PRICE = Price("*", Measure.UNIT, (Tier(5, Decimal("0.10")), Tier(None, Decimal("0.05"))), 1)
ONE = Plan("gold", 1, "EUR", Decimal("9.90"), (PRICE,), LIMITS)
TWO = replace(ONE, version=2, limits=Limits())
ACT = Act("PLAN#gold", "plan.put", "me", 10.0)


@pytest.fixture
def plans(cloud: Cloud) -> DynamoPlans:
    return cloud.wiring.plans


def test_a_plan_reads_back(plans: DynamoPlans) -> None:
    assert plans.add(ONE, ACT)
    assert plans.plan("gold") == ONE


def test_each_version_stays_as_it_was(plans: DynamoPlans) -> None:
    plans.add(ONE, ACT)
    assert plans.add(TWO, ACT)
    assert plans.plan("gold") == TWO
    assert plans.plan("gold", 1) == ONE


@pytest.mark.parametrize("late", [ONE, TWO, replace(ONE, version=4)])
def test_only_the_next_version_is_taken(plans: DynamoPlans, late: Plan) -> None:
    plans.add(ONE, ACT)
    plans.add(TWO, ACT)
    assert not plans.add(replace(late, currency="USD"), ACT)
    assert plans.plan("gold") == TWO
    assert plans.plan("gold", late.version) in (ONE, TWO, None)


def test_what_nobody_stored_is_none(plans: DynamoPlans) -> None:
    assert plans.plan("gold") is None
    plans.add(ONE, ACT)
    assert plans.plan("gold", 2) is None


def test_plans_are_listed_by_name(plans: DynamoPlans) -> None:
    for name in ("silver", "gold"):
        plans.add(replace(ONE, name=name), ACT)
    assert plans.names() == ["gold", "silver"]


def test_a_request_reads_the_terms_in_force_alone(plans: DynamoPlans, cloud: Cloud) -> None:
    plans.add(ONE, ACT)
    assert cloud.wiring.keys.terms("gold") == PlanTerms("gold", 1, LIMITS)
    plans.add(TWO, ACT)
    assert cloud.wiring.keys.terms("gold") == PlanTerms("gold", 2)
