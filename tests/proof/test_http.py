"""HTTP: attempts of one client, one after another and at once, under every fault."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from infermeter.metering.ledger import Billed, payload_hash
from tests.proof.faults import ALL, CALM, Ending, Faults, Meanwhile
from tests.proof.requests import (
    OPAQUE,
    OTHER_ROWS,
    TIMED,
    answered,
    ask,
    charges,
    request,
    spooled,
    told,
)
from tests.proof.spool import drain
from tests.proof.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proof.account import Account
    from tests.proof.schedules import Chooser, Exploration
    from tests.proof.site import Site

    Prove = Callable[..., Exploration]
    Answers = list[dict[str, Any] | None]
    State = tuple[Account, Answers]

SERVED, REFUSED = 200, 422
READS = frozenset({"get_item", "query", "get_object", "get_secret_value"})


@pytest.mark.parametrize(
    ("id", "versions"),
    [(OPAQUE, "111"), (TIMED, "123")],
    ids=["an opaque id, the model stays", "an id with its time, the model moves"],
)
def test_three_attempts_are_one_charge_and_no_answer_is_without_it(
    site: Site, prove: Prove, id: str, versions: str
) -> None:
    attempt = attempts(site, request(site, id=id), versions)

    def end(_: Chooser, before: State) -> None:
        account, answers = before[0].copy(), before[1]
        settle(site, account, answers)

    acts = (lambda _: (site.account, []), attempt, attempt, attempt, end)
    prove(f"HTTP, three attempts, versions {versions}", *acts, at_least=4096)


@pytest.mark.parametrize("versions", ["11", "13"], ids=["the model stays", "the model moves"])
def test_an_undisturbed_attempt_after_two_is_served_and_charged_once(
    site: Site, prove: Prove, versions: str
) -> None:
    event = request(site, id=TIMED)
    attempt = attempts(site, event, versions)

    def undisturbed(chooser: Chooser, before: State) -> None:
        account = before[0].copy()
        last = ask(site, account, Faults(chooser, CALM), event)
        assert status(last) == SERVED
        assert told(last).billed is not Billed.PENDING
        (charge,) = charges(account)
        settle(site, account, [last])
        assert charges(account) == [charge], "what was told is what stands"

    acts = (lambda _: (site.account, []), attempt, attempt, undisturbed)
    name = f"HTTP, two attempts and an undisturbed one, versions {versions}"
    prove(name, *acts, at_least=256)


@pytest.mark.parametrize("moves", [False, True], ids=["the model stays", "the model moves"])
def test_two_retries_at_once_are_one_charge(site: Site, prove: Prove, moves: bool) -> None:
    event = request(site)

    def scene(chooser: Chooser) -> None:
        account = site.account.copy()
        answers: Answers = []

        def other() -> None:
            if moves:
                site.move(account, "3")
            answers.append(ask(site, account, Faults(chooser, name="other"), event))

        meanwhile = Meanwhile(chooser, other)
        one = Faults(chooser, name="one", at_change=meanwhile)
        answers.append(ask(site, account, one, event))
        meanwhile.finish()
        settle(site, account, answers)

    prove(f"HTTP, two retries at once, model {'moves' if moves else 'stays'}", scene, at_least=900)


def test_two_retries_call_by_call_are_one_charge(site: Site, prove: Prove) -> None:
    event = request(site)

    def scene(chooser: Chooser) -> None:
        account = site.account.copy()
        answers: Answers = []

        def attempt(name: str) -> None:
            faults = Faults(chooser, name=name)
            faults.at_change = lambda: turns.step(name, len(faults.calls))
            answers.append(ask(site, account, faults, event))

        turns = Turns(chooser, {name: partial(attempt, name) for name in ("one", "other")})
        with site.quiet():
            turns.run()
        settle(site, account, answers)

    prove("HTTP, two retries, call by call", scene, at_least=3900)


def test_an_id_used_for_another_payload_at_once_is_charged_for_one_of_them(
    site: Site, prove: Prove
) -> None:
    event, foreign = request(site), request(site, rows=OTHER_ROWS)
    hashes = {
        name: payload_hash("infer", "linear", None, each["body"].encode())
        for name, each in (("one", event), ("other", foreign))
    }

    def scene(chooser: Chooser) -> None:
        account = site.account.copy()
        answers: dict[str, dict[str, Any] | None] = {}

        def other() -> None:
            faults = Faults(chooser, name="other")
            answers["other"] = ask(site, account, faults, foreign)

        meanwhile = Meanwhile(chooser, other)
        one = Faults(chooser, name="one", at_change=meanwhile)
        answers["one"] = ask(site, account, one, event)
        meanwhile.finish()
        for name, answer in answers.items():
            if status(answer) == SERVED and told(answer).billed is not Billed.PENDING:
                (charge,) = charges(account)
                assert charge.payload_hash == hashes[name], "charged for what was answered"
        settle(site, account, list(answers.values()))

    prove("HTTP, an id used for two payloads at once", scene, at_least=900)


def test_a_put_that_arrives_late_is_one_charge_all_the_same(site: Site, prove: Prove) -> None:
    event = request(site)

    def scene(chooser: Chooser) -> None:
        account = site.account.copy()
        first = Faults(chooser, (Ending.LATE, *ALL), name="first")
        meanwhile = Meanwhile(chooser, lambda: [put() for put in first.late])
        answers = [ask(site, account, first, event)]
        if first.late:
            second = Faults(chooser, ALL, name="second", at_change=meanwhile)
            answers.append(ask(site, account, second, event))
            drain(site, account, Faults(chooser, CALM, name="spool", at_change=meanwhile))
            meanwhile.finish()
        settle(site, account, answers)

    prove("HTTP, a put applied after its caller gave up", scene, at_least=50)


def test_a_read_that_fails_before_or_after_the_put_leaves_one_charge(
    site: Site, prove: Prove
) -> None:
    event = request(site)

    def scene(chooser: Chooser) -> None:
        account = site.account.copy()
        answers: Answers = []
        for version in "12":
            site.move(account, version)
            answers.append(ask(site, account, Faults(chooser, reads=READS), event))
        last = ask(site, account, Faults(chooser, CALM), event)
        assert status(last) == SERVED
        settle(site, account, [*answers, last])

    prove("HTTP, two attempts with failing reads and an undisturbed one", scene, at_least=500)


def test_what_is_written_after_the_answer_was_made_changes_no_charge(
    site: Site, prove: Prove
) -> None:
    event = request(site)

    def scene(chooser: Chooser) -> None:
        account = site.account.copy()
        answers = [ask(site, account, Faults(chooser, exempt=frozenset()), event)]
        answers.append(ask(site, account, Faults(chooser, CALM), event))
        settle(site, account, answers)
        assert len(charges(account)) == 1

    prove("HTTP, an attempt that counts, and an undisturbed one", scene, at_least=40)


def attempts(site: Site, event: dict[str, Any], versions: str) -> Callable[[Chooser, State], State]:
    """An attempt after those before it; `prod` points at its own of the versions."""

    def attempt(chooser: Chooser, before: State) -> State:
        account, answers = before[0].copy(), before[1]
        site.move(account, versions[len(answers)])
        charged = charges(account)
        answer = ask(site, account, Faults(chooser), event)
        assert status(answer) != REFUSED
        if status(answer) == SERVED:
            known = Billed.REPLAY if charged else Billed.NEW
            assert told(answer).billed in {Billed.PENDING, known}
        return account, [*answers, answer]

    return attempt


def status(answer: dict[str, Any] | None) -> int | None:
    """None for a process that died."""
    return answer and answer["statusCode"]


def settle(site: Site, account: Account, answers: Answers) -> None:
    """The spool drained: one charge if there was a 2xx, and none or one if there was none."""
    drain(site, account)
    standing = charges(account)
    assert not spooled(account), "the spool's consumer leaves nothing behind"
    assert len(standing) <= 1, "I1"
    assert {record.kind for record in account.stream} <= {"INSERT"}, "I5"
    assert len(standing) == 1 or not answered(answers), "I2: answered, and never charged"
