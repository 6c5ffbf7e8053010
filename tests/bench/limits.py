"""What a limit check costs a request while no lease is renewed, in microseconds.

    python -m tests.bench.limits [--rounds 20] [--json]

A whole permit is timed: admitted, its lease asked for before the put, settled, and what remains
told to the caller; and apart from it the headers made of that. The table is in memory; a lease
outlasts a block of calls.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from infermeter.api.quota import quota_headers
from infermeter.limits.leasing import LeasingLimiter
from infermeter.limits.terms import Budget, Limited, Limits, Rate
from infermeter.metering.ids import Channel
from infermeter.metering.measures import Measure, Quantities
from infermeter.tenants.authentication import Principal
from tests.bench.blocks import Contender, race
from tests.bench.report import microseconds, print_rows, print_table
from tests.unit.limits.tables import MemoryBudgets, MemoryRates

if TYPE_CHECKING:
    from collections.abc import Callable

RATE, BUDGET = Rate(10**6, 10**6), Budget(10**10)
BYTES = Budget(10**14, Measure.BYTE)
CHARGED = Quantities(requests=1, units=10, rows=10, bytes_in=500, bytes_out=300, milliseconds=2)
CALLS = 500
TARGET_US = 50
CASES = {
    "no limits": (),
    "key's rate": (Limits(RATE),),
    "key's rate and budget": (Limits(RATE, BUDGET),),
    "key's and tenant's, rate and budget": (Limits(RATE, BUDGET), Limits(RATE, BUDGET)),
    "the same, budgets in bytes": (Limits(RATE, BYTES), Limits(RATE, BYTES)),
}


def main() -> None:
    """Measures, and prints a row for each case."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20, help="blocks per case")
    parser.add_argument("--json", action="store_true", help="one JSON object per case")
    arguments = parser.parse_args()
    contenders = [_contender(name, *limits) for name, limits in CASES.items()]
    contenders.append(_headers())
    race(contenders, rounds=arguments.rounds, calls=CALLS)
    if arguments.json:
        print_rows({"case": c.name, "us": c.median_us, "least_us": c.least_us} for c in contenders)
        return
    print_table(
        "A limit check without a renewal, in microseconds",
        ("limits", "median", "least", "target"),
        [
            (c.name, microseconds(c.median_us), microseconds(c.least_us), TARGET_US)
            for c in contenders
        ],
        note="Medians of blocks' medians; a permit from its admission to what it tells.",
    )


def _contender(name: str, *limits: Limits) -> Contender:
    limiter, principal = _limiter(), _principal(*limits)
    return Contender(name, lambda: None, lambda _: _serve(limiter, principal))


def _headers() -> Contender:
    limiter, principal = _limiter(), _principal(Limits(RATE, BUDGET), Limits(RATE, BUDGET))
    quotas = _serve(limiter, principal)
    make: Callable[[Any], Any] = lambda _: quota_headers(quotas)  # noqa: E731
    return Contender("headers of both", lambda: None, make)


def _limiter() -> LeasingLimiter:
    return LeasingLimiter(MemoryRates(), MemoryBudgets(), time.time, 6 * 1024 * 1024)


def _principal(*limits: Limits) -> Principal:
    kinds = (("key", "AAAABBBBCCCC"), ("tenant", "acme"))
    limited = tuple(Limited(*kind, each) for kind, each in zip(kinds, limits, strict=False))
    return Principal("acme", "AAAABBBBCCCC", limited=limited)


def _serve(limiter: LeasingLimiter, principal: Principal) -> Any:
    permit = limiter.admit(principal, CHARGED, Channel.HTTP, time.time() + 29)
    permit.lease(CHARGED)
    quotas = permit.quotas()
    permit.settle(CHARGED)
    return quotas


if __name__ == "__main__":
    main()
