"""SQS: a message delivered again and again, and by two consumers at once, under every fault."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.proof.faults import ASIDE, CALM, FEWER, Faults, Meanwhile
from tests.proof.messages import Queue, message, result, succeeded
from tests.proof.requests import OPAQUE, OTHER_ROWS, charges, spooled
from tests.proof.schedules import Chooser
from tests.proof.site import RESOURCES
from tests.proof.spool import drain

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proof.schedules import Exploration
    from tests.proof.site import Site

    Prove = Callable[..., Exploration]

PUTS_ALONE = ASIDE | {RESOURCES.results_bucket}


def settled(site: Site, queue: Queue, id: str = OPAQUE) -> None:
    """Whatever came before: an undisturbed delivery ends it, and another changes nothing."""
    account = queue.account
    queue.deliver(Faults(Chooser(), CALM))
    drain(site, account)
    assert not queue.waiting, "an undisturbed delivery ends it"
    assert not spooled(account)
    (charge,), stored = charges(account), result(account, id)
    assert succeeded(stored), "charged, and no result"
    assert stored is not None
    assert stored.metadata["payload-hash"] == charge.payload_hash
    queue.deliver(Faults(Chooser(), CALM), again=True)
    drain(site, account)
    assert charges(account) == [charge], "a redelivery is not charged"
    assert result(account, id) == stored, "a redelivery changes no result"


@pytest.mark.parametrize("versions", ["11", "13"], ids=["the model stays", "the model moves"])
def test_two_deliveries_and_an_undisturbed_one_are_one_charge_and_one_result(
    site: Site, prove: Prove, versions: str
) -> None:
    def delivery(chooser: Chooser, before: Queue) -> Queue:
        queue = before.copy()
        site.move(queue.account, versions[min(queue.deliveries, 1)])
        queue.deliver(Faults(chooser))
        if charges(queue.account) or spooled(queue.account) or not queue.waiting:
            assert succeeded(result(queue.account)), "recorded, and no result"
        return queue

    def end(_: Chooser, before: Queue) -> None:
        settled(site, before.copy())

    acts = (lambda _: Queue(site, site.account, [message(site)]), delivery, delivery, end)
    prove(f"SQS, two deliveries, versions {versions}", *acts, at_least=800)


def test_a_result_is_of_the_version_that_is_charged(site: Site, prove: Prove) -> None:
    def scene(chooser: Chooser) -> None:
        queue = Queue(site, site.account.copy(), [message(site)])
        queue.deliver(Faults(chooser))
        site.move(queue.account, "3")
        settled(site, queue)
        (charge,), stored = charges(queue.account), result(queue.account)
        assert stored is not None
        version = json.loads(stored.body)["response"]["model_version"]
        assert version == charge.version, f"a result of {version}, a charge of {charge.version}"

    prove("SQS, a delivery, the model moves, an undisturbed one", scene, at_least=30)


def test_three_deliveries_whose_puts_fail_in_every_way_are_one_charge(
    site: Site, prove: Prove
) -> None:
    def delivery(chooser: Chooser, before: Queue) -> Queue:
        queue = before.copy()
        queue.deliver(Faults(chooser, exempt=PUTS_ALONE))
        return queue

    def end(_: Chooser, before: Queue) -> None:
        settled(site, before.copy())

    acts = (lambda _: Queue(site, site.account, [message(site)]), *(delivery,) * 3, end)
    prove("SQS, three deliveries, results always written", *acts, at_least=1500)


def test_a_batch_of_two_messages_is_charged_once_each(site: Site, prove: Prove) -> None:
    def scene(chooser: Chooser) -> None:
        both = [message(site, 1), message(site, 2, id="order-18", rows=OTHER_ROWS)]
        queue = Queue(site, site.account.copy(), both)
        queue.deliver(Faults(chooser, exempt=PUTS_ALONE))
        queue.deliver(Faults(Chooser(), CALM))
        drain(site, queue.account)
        assert not queue.waiting
        assert len(charges(queue.account)) == 2
        assert all(succeeded(result(queue.account, id)) for id in (OPAQUE, "order-18"))

    prove("SQS, a batch of two messages", scene, at_least=100)


def test_two_consumers_of_one_message_at_once_are_one_charge(site: Site, prove: Prove) -> None:
    def scene(chooser: Chooser) -> None:
        queue = Queue(site, site.account.copy(), [message(site)])
        other = Queue(site, queue.account, list(queue.waiting))
        meanwhile = Meanwhile(chooser, lambda: other.deliver(Faults(chooser, FEWER, name="other")))
        one = Faults(chooser, FEWER, name="one", at_change=meanwhile)
        queue.deliver(one)
        meanwhile.finish()
        settled(site, queue)

    prove("SQS, two consumers at once", scene, at_least=800)


def test_two_payloads_under_one_id_are_one_charge_and_its_own_result(
    site: Site, prove: Prove
) -> None:
    def scene(chooser: Chooser) -> None:
        account = site.account.copy()
        one = Queue(site, account, [message(site, 1)])
        two = Queue(site, account, [message(site, 2, rows=OTHER_ROWS)])
        for queue in (one, two):
            queue.deliver(Faults(chooser, FEWER))
        for queue in (one, two):
            queue.deliver(Faults(Chooser(), CALM))
            drain(site, account)
        assert not one.waiting + two.waiting
        (charge,), stored = charges(account), result(account)
        assert succeeded(stored)
        assert stored is not None
        assert stored.metadata["payload-hash"] == charge.payload_hash, "charged for its result"

    prove("SQS, two payloads under one id", scene, at_least=90)
