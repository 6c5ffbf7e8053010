"""The spool's consumer, from every state in which attempts can leave the ledger and the spool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.proof.faults import ALL, FEWER, Faults
from tests.proof.requests import OTHER_ROWS, ask, charges, request, spooled
from tests.proof.schedules import Chooser, explore
from tests.proof.site import RESOURCES
from tests.proof.spool import drain

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proof.account import Account
    from tests.proof.schedules import Exploration
    from tests.proof.site import Site

    Prove = Callable[..., Exploration]
    State = tuple[object, ...]

# Each further message has its own endings: of several, one delivery is disturbed.
DELIVERIES = 2


def states(site: Site) -> list[Account]:
    """One account of each kind that two attempts leave with something in the spool.

    The second is the same request, the same after the alias moved, or another under the same id.
    """
    kinds: dict[State, Account] = {}
    for version, event in (("1", request(site)), ("3", request(site)), ("1", other(site))):

        def scene(chooser: Chooser, version: str = version, event: dict = event) -> None:
            account = site.account.copy()
            ask(site, account, Faults(chooser), request(site))
            site.move(account, version)
            ask(site, account, Faults(chooser), event)
            if spooled(account):
                kinds.setdefault(kind_of(account), account)

        assert not explore("two attempts", scene).violations
    return list(kinds.values())


def other(site: Site) -> dict:
    return request(site, rows=OTHER_ROWS)


def kind_of(account: Account) -> State:
    """What tells states apart: nonces by who repeats them, not by what they are."""
    order: dict[str, int] = {}
    entries = [*spooled(account), *charges(account)]
    for entry in entries:
        order.setdefault(entry.nonce, len(order))
    facts = [(entry.version, entry.payload_hash, order[entry.nonce]) for entry in entries]
    return (len(charges(account)), *facts)


def test_what_was_spooled_is_charged_once_whatever_becomes_of_its_consumer(
    site: Site, prove: Prove
) -> None:
    kinds = states(site)
    assert len(kinds) >= 12

    def scene(chooser: Chooser) -> None:
        account = chooser.choose("after", kinds).copy()
        entries = spooled(account)
        before = charges(account)
        several = len(entries) > 1
        for _ in range(1 if several else DELIVERIES):
            drain(site, account, Faults(chooser, FEWER if several else ALL))
            standing = charges(account)
            assert len(standing) <= 1, "I1"
            assert standing or len(spooled(account)) == len(entries), "I2: deleted, not charged"
            assert not before or standing == before, "I5: the charge was changed"
        drain(site, account)
        assert not spooled(account), "an undisturbed delivery ends it"
        (charge,) = charges(account)
        if not before:
            answered = {(entry.units, entry.payload_hash) for entry in entries}
            assert (charge.units, charge.payload_hash) in answered, "charged as answered"
        conflicts = [entry for entry in entries if entry.payload_hash != charge.payload_hash]
        assert len(findings(account)) == bool(conflicts), "what cannot be charged is found"

    prove(f"spool, from {len(kinds)} states", scene, at_least=1000)


def findings(account: Account) -> list[str]:
    table = account.table(RESOURCES.usage_table)
    return [place for place, _ in table if place.startswith("F#")]
