"""Limits as part of a row: `{"rate": {"per_s", "burst"}, "budget": {"amount", "measure"}}`.

A row's numbers are integers, so that a rate is text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infermeter.limits.terms import UNLIMITED, Budget, Limits, Rate
from infermeter.metering.measures import Measure

if TYPE_CHECKING:
    from collections.abc import Mapping


def limits_row(limits: Limits) -> dict[str, Any] | None:
    """None for no limits."""
    if limits == UNLIMITED:
        return None
    rate, budget = limits.rate, limits.budget
    return {
        "rate": rate and {"per_s": str(rate.per_s), "burst": rate.burst},
        "budget": budget and {"amount": budget.amount, "measure": budget.measure.value},
    }


def limits_of(row: Mapping[str, Any] | None) -> Limits:
    """The limits of such a row, or of none."""
    if not row:
        return UNLIMITED
    rate, budget = row.get("rate"), row.get("budget")
    return Limits(
        rate and Rate(float(rate["per_s"]), rate["burst"]),
        budget and Budget(budget["amount"], Measure(budget["measure"])),
    )
