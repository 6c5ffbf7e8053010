"""The limits table: its items, and leases whatever becomes of their transactions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial
from itertools import product
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from infermeter.adapters.limits import DynamoBudgets, DynamoRates
from infermeter.errors import BudgetLeased, BudgetSpent, StoreUnavailable
from infermeter.limits import leases
from infermeter.limits.budget import LIFETIME_S, BudgetLeases
from infermeter.limits.leases import SKEW_S, Ended, Lease, Refused, Totals
from infermeter.limits.outage import Outage
from infermeter.limits.rate import Arrival
from infermeter.limits.reclaim import Reclaimer
from infermeter.limits.terms import Budget
from infermeter.metering.measures import Measure
from tests.ports import NOW, Clock
from tests.proof.account import Account, pages
from tests.unit.limits.tables import HourlyLedger
from tests.unit.limits.test_overshoot import ENTRY

if TYPE_CHECKING:
    from tests.cloud import Cloud

ACCOUNT = leases.Account("K#a", "202609", Measure.UNIT)
LEASE = Lease("lease", ACCOUNT, "acme", 10, int(NOW * 1000), int(NOW * 1000) + 60_000)
OTHER = replace(LEASE, id="other", size=20)
MINUTE = datetime.fromtimestamp(NOW + 60, UTC).replace(second=0)


@pytest.fixture
def rates(cloud: Cloud) -> DynamoRates:
    return DynamoRates(cloud.wiring.clients.dynamodb(), "limits")


@pytest.fixture
def budgets(cloud: Cloud) -> DynamoBudgets:
    return DynamoBudgets(cloud.wiring.clients.dynamodb(), "limits")


def items(cloud: Cloud) -> dict[tuple[str, str], dict[str, str]]:
    found = cloud.wiring.clients.dynamodb().scan(TableName="limits")["Items"]
    plain = [{name: next(iter(value.values())) for name, value in each.items()} for each in found]
    return {(each.pop("pk"), each.pop("sk")): each for each in plain}


def test_a_rate_begins_where_none_stands_or_an_old_one(cloud: Cloud, rates: DynamoRates) -> None:
    assert rates.begin("K#a", now_us=100, tat_us=150, stale_us=500) == Arrival(True, 150)
    assert rates.begin("K#a", now_us=149, tat_us=300, stale_us=500) == Arrival(False, 150)
    assert rates.begin("K#a", now_us=149, tat_us=300, stale_us=150) == Arrival(False, 150)
    assert rates.begin("K#a", now_us=120, tat_us=160, stale_us=149) == Arrival(True, 160)
    assert rates.begin("K#a", now_us=160, tat_us=200, stale_us=500) == Arrival(True, 200)
    assert items(cloud) == {("RB#K#a#0", "RATE"): {"tat": "200"}}


def test_a_rate_is_extended_within_its_burst(rates: DynamoRates) -> None:
    assert rates.extend("K#a", now_us=0, by_us=10, at_most_us=500) == Arrival(False, 0)
    rates.begin("K#a", now_us=100, tat_us=150, stale_us=500)
    assert rates.extend("K#a", now_us=100, by_us=10, at_most_us=150) == Arrival(True, 160)
    assert rates.extend("K#a", now_us=100, by_us=10, at_most_us=159) == Arrival(False, 160)
    assert rates.extend("K#a", now_us=160, by_us=10, at_most_us=500) == Arrival(False, 160)


def test_a_lease_lies_in_the_minute_of_its_expiry(cloud: Cloud, budgets: DynamoBudgets) -> None:
    assert budgets.totals(ACCOUNT) == Totals()
    assert budgets.take(LEASE, 10, ()) is None
    ex = str(int(datetime(2026, 10, 1, tzinfo=UTC).timestamp()) + 400 * 24 * 3600)
    assert items(cloud) == {
        ("BG#K#a", "P#202609#unit"): {"leased": "10", "settled": "0", "ex": ex},
        (f"LS#{MINUTE:%Y%m%d%H%M}", "lease"): {
            "subject": "K#a",
            "period": "202609",
            "measure": "unit",
            "tenant": "acme",
            "size": "10",
            "started": str(LEASE.started_ms),
            "expires": str(LEASE.expires_ms),
        },
    }
    assert list(budgets.expired_in(MINUTE)) == [LEASE]
    assert list(budgets.expired_in(MINUTE + timedelta(minutes=1))) == []


def test_no_more_is_leased_than_the_ceiling(budgets: DynamoBudgets) -> None:
    budgets.take(LEASE, 29, ())
    assert budgets.take(OTHER, 29, ()) == Refused(True, frozenset())
    assert budgets.totals(ACCOUNT) == Totals(10, 0)
    assert budgets.take(OTHER, 30, ()) is None


def test_a_lease_gives_back_what_ended(cloud: Cloud, budgets: DynamoBudgets) -> None:
    budgets.take(LEASE, 24, ())
    assert budgets.take(OTHER, 23, [Ended(LEASE, 4)]) == Refused(True, frozenset())
    assert budgets.take(OTHER, 24, [Ended(LEASE, 4)]) is None
    assert budgets.totals(ACCOUNT) == Totals(24, 4)
    assert list(budgets.expired_in(MINUTE)) == [OTHER]


def test_what_was_given_back_is_not_given_back_again(budgets: DynamoBudgets) -> None:
    budgets.take(LEASE, 100, ())
    assert budgets.give_back([Ended(LEASE, 4)]) is None
    gone = Refused(False, frozenset({"lease"}))
    assert budgets.give_back([Ended(LEASE, 4)]) == gone
    assert budgets.take(OTHER, 100, [Ended(LEASE, 4)]) == gone
    assert budgets.totals(ACCOUNT) == Totals(4, 4)


def test_what_ended_last_month_is_given_back_there(budgets: DynamoBudgets) -> None:
    october = leases.Account("K#a", "202610", Measure.UNIT)
    budgets.take(LEASE, 10, ())
    assert budgets.take(replace(OTHER, account=october), 20, [Ended(LEASE, 4)]) is None
    assert budgets.totals(ACCOUNT) == Totals(4, 4)
    assert budgets.totals(october) == Totals(20, 0)


def test_a_repetition_takes_nothing(budgets: DynamoBudgets) -> None:
    # moto knows no tokens: it is as if the first attempt's was forgotten.
    budgets.take(LEASE, 100, ())
    assert budgets.take(LEASE, 100, ()) is None
    assert budgets.totals(ACCOUNT) == Totals(10, 0)


def test_the_mark_of_what_was_reclaimed(budgets: DynamoBudgets) -> None:
    assert budgets.reclaimed_until() is None
    budgets.mark_reclaimed(MINUTE)
    assert budgets.reclaimed_until() == MINUTE


def test_when_entries_waited(budgets: DynamoBudgets) -> None:
    assert budgets.waited_at() is None
    budgets.mark_waiting(MINUTE)
    assert (budgets.waited_at(), budgets.reclaimed_until()) == (MINUTE, None)


class Contended:
    """A client whose transactions meet another's so many times."""

    def __init__(self, client: Any, times: int) -> None:
        self.client, self.times = client, times

    def transact_write_items(self, **arguments: Any) -> Any:
        if self.times:
            self.times -= 1
            error: Any = {
                "Error": {"Code": "TransactionCanceledException"},
                "CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}],
            }
            raise ClientError(error, "TransactWriteItems")
        return self.client.transact_write_items(**arguments)


def test_transactions_that_meet_are_tried_again(cloud: Cloud) -> None:
    slept: list[float] = []
    client: Any = Contended(cloud.wiring.clients.dynamodb(), 2)
    assert DynamoBudgets(client, "limits", slept.append).take(LEASE, 10, ()) is None
    assert len(slept) == 2
    client.times = 100
    with pytest.raises(StoreUnavailable, match="TransactionCanceled"):
        DynamoBudgets(client, "limits", slept.append).take(OTHER, 100, ())


class End(Enum):
    """How a transaction ends."""

    ACKNOWLEDGED = "applied, acknowledged"
    RETRIED = "applied, the acknowledgement lost, the SDK's retry has the same token"
    UNANSWERED = "applied, and not answered"
    APPLIED_THEN_DIED = "applied, and the process dies"
    NOT_APPLIED = "not applied, and not answered"
    DIED = "the process dies before it"


class Died(BaseException):
    """The process is gone."""


class FickleClient:
    """A client of DynamoDB, whose transactions end as they are told to; `ends` is used up."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.ends: list[End] = []
        self.met = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate=partial(pages, getattr(self.client, operation)))

    def transact_write_items(self, **arguments: Any) -> Any:
        end = End.ACKNOWLEDGED
        if self.ends:
            end = self.ends.pop(0)
            self.met += 1
        if end is End.DIED:
            raise Died
        if end is End.NOT_APPLIED:
            raise ReadTimeoutError(endpoint_url="limits")
        answer = self.client.transact_write_items(**arguments)
        if end is End.APPLIED_THEN_DIED:
            raise Died
        if end is End.UNANSWERED:
            raise ReadTimeoutError(endpoint_url="limits")
        if end is End.RETRIED and "ClientRequestToken" not in arguments:
            return self.client.transact_write_items(**arguments)
        return answer


class Scene:
    """Environments, one after another, over the real adapter."""

    def __init__(self, limit: int) -> None:
        self.ledger, self.clock, self.limit = HourlyLedger(), Clock(), limit
        self.client = FickleClient(Account(self.clock).service("dynamodb"))
        self.table = DynamoBudgets(self.client, "limits")  # type: ignore[arg-type]
        self.charged = 0
        self.start()

    def start(self) -> None:
        arguments: Any = (
            *("key", "K#a", "acme", Budget(self.limit), self.table),
            *(self.clock, Outage()),
        )
        self.environment = BudgetLeases(*arguments)

    def serve(self, amount: int) -> None:
        """One request; whoever dies is followed by another environment."""
        try:
            hold = self.environment.hold(amount, amount)
            lease = hold.secure(amount)
        except Died:
            self.start()
        except (BudgetLeased, BudgetSpent, StoreUnavailable):
            pass
        else:
            self.charged += amount
            entry = replace(ENTRY, units=amount, lease=lease, committed_ms=int(self.clock() * 1000))
            self.ledger.entries.append(entry)
            hold.settle(amount)

    def reclaim(self) -> None:
        self.client.ends = []
        self.clock.now += LIFETIME_S + 900 + 2 * SKEW_S + 60
        self.table.mark_reclaimed(datetime.fromtimestamp(NOW, UTC))
        Reclaimer(self.table, self.ledger, lambda: False, self.clock, 900.0).run()

    @property
    def totals(self) -> Totals:
        return self.table.totals(ACCOUNT)


def test_however_transactions_end_nothing_is_overspent_or_stranded() -> None:
    """All ends of four transactions, for requests that each need a lease of their own."""
    met = 0
    for schedule in product(End, repeat=4):
        scene = Scene(8)
        scene.client.ends = list(schedule)
        for amount in (3, 2, 4, 1, 3, 1, 1):
            scene.serve(amount)
            assert scene.charged <= scene.totals.leased <= 8, schedule
            scene.clock.now += 2
        met += scene.client.met
        scene.reclaim()
        assert scene.totals == (scene.charged, scene.charged), schedule
        # What is left can be spent to the last unit by whoever comes.
        scene.start()
        for _ in range(8 - scene.charged):
            scene.serve(1)
        assert scene.charged == 8, schedule
    assert met > 3 * len(End) ** 4
