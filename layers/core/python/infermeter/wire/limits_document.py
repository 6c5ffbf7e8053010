"""`GET /v1/usage/limits`: what limits a key, and what of it was used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infermeter.metering.measures import NOTHING
from infermeter.wire.usage import hour_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infermeter.limits.terms import Budget, Limited
    from infermeter.metering.usage import Used
    from infermeter.metering.windows import Period
    from infermeter.tenants.authentication import Principal


def limits_document(caller: Principal, used: Sequence[Used], month: Period) -> dict[str, Any]:
    """The limits of the key and of its tenant; `used` is the tenant's month, by key."""
    return {
        "object": "usage.limits",
        "tenant": caller.tenant,
        "key_id": caller.key_id,
        "price": caller.price or None,
        "limits": [_limited(each, used, month) for each in caller.limited],
    }


def _limited(limited: Limited, used: Sequence[Used], month: Period) -> dict[str, Any]:
    rate, budget = limited.limits.rate, limited.limits.budget
    return {
        "of": limited.kind,
        "name": limited.name,
        "rate": {"per_s": rate.per_s, "burst": rate.burst} if rate else None,
        "budget": _budget(limited, budget, used, month) if budget else None,
    }


def _budget(
    limited: Limited, budget: Budget, used: Sequence[Used], month: Period
) -> dict[str, Any]:
    total = NOTHING
    for row in used:
        if limited.kind != "key" or row.group.key_id == limited.name:
            total = total.plus(row.quantities)
    spent = total.of(budget.measure)
    return {
        "measure": budget.measure.value,
        "amount": budget.amount,
        "used": spent,
        "remaining": max(0, budget.amount - spent),
        "period": "month",
        "resets_at": hour_text(month.end),
    }
