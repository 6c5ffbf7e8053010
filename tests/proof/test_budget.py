"""A budget under every fault: overshoot 0 (I7), and what the dead held comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infermeter.limits.terms import Budget, Limits
from infermeter.tenants.administration import KeyTerms
from tests.proof.events import schedule_event
from tests.proof.faults import CALM, Faults
from tests.proof.requests import charges, request, spooled
from tests.proof.schedules import Chooser
from tests.proof.site import NOW, RESOURCES
from tests.proof.spool import drain

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proof.account import Account
    from tests.proof.schedules import Exploration
    from tests.proof.site import Site

    Prove = Callable[..., Exploration]
    State = tuple[int, Account]

# Of a request's two rows, three requests, and one row that none fits into.
BUDGET, SPENDABLE = 7, 6
COUNTS = frozenset({RESOURCES.statistics_table})
HOUR_S = 3600


@pytest.fixture
def account(site: Site) -> Account:
    """A key with a budget; the job that reclaims has run before."""
    made = site.account.copy()
    keys = site.operator(made).key_administration
    key = keys.create("acme", KeyTerms(limits=Limits(budget=Budget(BUDGET))))
    reclaim(site, made, NOW)
    made.secrets["key"] = key.text()
    return made


def send(site: Site, account: Account, faults: Faults, number: int) -> dict[str, Any] | None:
    """A request of its own id under the key with the budget."""
    event = request(site, id=f"order-{number}")
    event["headers"]["x-api-key"] = account.secrets["key"]
    event["multiValueHeaders"]["x-api-key"] = [account.secrets["key"]]
    answer: dict[str, Any] | None = site.call("infer", account, faults, event)
    assert answer is None or answer["statusCode"] in {200, 402, 429, 503}, answer
    assert spent(account) <= BUDGET, "I7: more than the budget is charged or will be"
    return answer


def spent(account: Account) -> int:
    """Units that are charged, or will be: an id once, wherever it is."""
    entries = (*charges(account), *spooled(account))
    return sum({entry.request_id.text: entry.units for entry in entries}.values())


def reclaim(site: Site, account: Account, at: float) -> None:
    site.clock.now = at
    try:
        site.call("fold", account, Faults(Chooser(), CALM), schedule_event("fold"))
    finally:
        site.clock.now = NOW


def test_a_budget_is_never_overspent_and_never_lost(
    site: Site, account: Account, prove: Prove
) -> None:
    def attempt(chooser: Chooser, before: State) -> State:
        number, now = before[0], before[1].copy()
        send(site, now, Faults(chooser, exempt=COUNTS, most=1), number)
        return number + 1, now

    def recover(chooser: Chooser, before: State) -> None:
        number, now = before[0], before[1].copy()
        if chooser.choose("the spool is drained before leases are reclaimed", (True, False)):
            drain(site, now)
        reclaim(site, now, NOW + HOUR_S)
        drain(site, now)
        reclaim(site, now, NOW + 2 * HOUR_S)
        site.clock.now = NOW + 2 * HOUR_S
        try:
            later = [send(site, now, Faults(Chooser(), CALM), number + n) for n in range(4)]
        finally:
            site.clock.now = NOW
        assert spent(now) == SPENDABLE, "what the dead held is free again"
        assert later[-1] is not None
        assert later[-1]["statusCode"] in {402, 429}

    acts = (lambda _: (0, account), attempt, attempt, recover)
    prove("budget, two attempts, then what they held is reclaimed", *acts, at_least=300)
