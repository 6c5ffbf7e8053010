"""Histories of attempts, judged by a model that saw what really happened.

The model knows each attempt's fate at the gateway; the job sees logs, ledger and archive alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from infermeter.metering.findings import FindingKind
from infermeter.metering.hours import hour_of
from infermeter.metering.ledger import Billed
from infermeter.reconciliation.standing import Depth
from tests.ports_reconciliation import HOUR_MS, NOW_MS, Site

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE_MS = 60_000


class Way(Enum):
    """How far an attempt comes."""

    REFUSED = "refused before the put"
    PUT = "put"
    SPOOLED = "spooled"
    LOST = "answered without a record"


@dataclass(frozen=True)
class Attempt:
    """One attempt, `after_min` after its request's first. `delivered` is whether the gateway
    answered 2xx; whether the caller was still there is not known to anybody."""

    after_min: int
    way: Way
    delivered: bool
    landing_min: int = 0
    lost_line: str = ""


@dataclass
class Model:
    """What really became of the requests."""

    charged: set[str] = field(default_factory=set)
    delivered: set[str] = field(default_factory=set)
    unrecorded: set[str] = field(default_factory=set)

    @property
    def to_be_voided(self) -> set[str]:
        return self.charged - self.delivered


@dataclass
class Stage:
    """A site on which things happen when their time has come."""

    site: Site = field(default_factory=Site)
    model: Model = field(default_factory=Model)
    script: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    spooled: int = 0

    def at(self, ms: int, act: Callable[[], None]) -> None:
        self.script.append((ms, len(self.script), act))

    def attempt(self, name: str, gateway: str, attempt: Attempt, at: int) -> None:
        """What is left behind by an attempt that comes now."""
        site, model = self.site, self.model
        billed = Billed.REPLAY if name in model.charged else Billed.NEW
        if attempt.way is Way.REFUSED:
            site.answer(gateway, 503, at)
            return
        if billed is Billed.NEW and attempt.way is Way.SPOOLED:
            billed, self.spooled = Billed.PENDING, self.spooled + 1
            landing = at + attempt.landing_min * MINUTE_MS
            self.at(landing, partial(self.land, name, gateway, landing))
        elif billed is Billed.NEW and attempt.way is Way.PUT:
            site.charge(at + 300, name=name, gateway=gateway)
            model.charged.add(name)
        elif billed is Billed.NEW and attempt.delivered:
            model.unrecorded.add(name)
        if attempt.delivered:
            model.delivered.add(name)
        if attempt.lost_line != "access":
            site.answer(gateway, 200 if attempt.delivered else 504, at)
        if attempt.lost_line != "function":
            site.tell(gateway, name, billed, at + 400)

    def land(self, name: str, gateway: str, at: int) -> None:
        """The spool's consumer puts the charge, unless the id has its entry."""
        self.spooled -= 1
        if name not in self.model.charged:
            self.site.charge(at, name=name, gateway=gateway)
            self.model.charged.add(name)

    def play(self, hours: int) -> None:
        """A run every hour, and all that happens between them."""
        for _ in range(hours):
            self.site.clock.now += 3600
            while due := [each for each in self.script if each[0] <= self.site.clock.now * 1000]:
                first = min(due)
                self.script.remove(first)
                first[2]()
            self.site.spool.now = Depth(self.spooled, None)
            self.site.run()


def attempts(lost: bool = False, minutes: int = 23 * 60) -> st.SearchStrategy[Attempt]:
    """`lost`: one of the attempt's two lines may be."""
    return st.builds(
        Attempt,
        after_min=st.integers(0, minutes),
        way=st.sampled_from(Way) if not lost else st.sampled_from([Way.REFUSED, Way.PUT]),
        delivered=st.booleans(),
        landing_min=st.integers(1, 4 * 60),
        lost_line=st.sampled_from(["", "", "access", "function"]) if lost else st.just(""),
    )


def histories(each: st.SearchStrategy[Attempt]) -> st.SearchStrategy[list[list[Attempt]]]:
    return st.lists(st.lists(each, min_size=1, max_size=4), min_size=1, max_size=5)


def outcome(histories: list[list[Attempt]]) -> tuple[Site, Model]:
    """After all that can happen, two days later."""
    stage = Stage()
    for number, history in enumerate(histories):
        # Around the turn of an hour, and across it.
        start = NOW_MS + number * 17 * MINUTE_MS
        for count, attempt in enumerate(history):
            at, name = start + attempt.after_min * MINUTE_MS + count, f"request-{number}"
            stage.at(at, partial(stage.attempt, name, f"{name}-{count}", attempt, at))
    stage.play(54)
    return stage.site, stage.model


# An example is two days of runs; a failing one is short enough to be read as it was found.
QUICK = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    phases=[Phase.generate],
)


@QUICK
@given(histories(attempts()))
def test_with_all_lines_the_bill_is_that_of_what_was_delivered(
    histories: list[list[Attempt]],
) -> None:
    site, model = outcome(histories)
    assert set(site.voids()) == model.to_be_voided
    assert {f.details["request_id"] for f in site.of_kind(FindingKind.UNDELIVERED)} == (
        model.to_be_voided
    )
    found = {f.details.get("request_id") for f in site.of_kind(FindingKind.UNRECORDED)}
    assert found == model.unrecorded
    assert site.of_kind(FindingKind.INCOMPLETE) == []
    assert site.of_kind(FindingKind.DUPLICATE) == []


@QUICK
@given(histories(attempts(lost=True, minutes=22 * 60)))
def test_no_lost_line_undoes_a_charge_that_was_delivered(
    histories: list[list[Attempt]],
) -> None:
    site, model = outcome(histories)
    assert set(site.voids()) <= model.to_be_voided
    untold = {f.details["request_id"] for f in site.of_kind(FindingKind.INCOMPLETE)}
    assert model.to_be_voided <= set(site.voids()) | untold


@QUICK
@given(histories(attempts()), st.integers(1, 55))
def test_checking_hours_again_changes_nothing(histories: list[list[Attempt]], hours: int) -> None:
    site, _ = outcome(histories)
    entries, findings = dict(site.ledger.entries), dict(site.findings.found)
    report = site.run(hour_of(NOW_MS + hours * HOUR_MS))
    assert site.ledger.entries == entries
    assert site.findings.found == findings
    assert (report.voided, report.carried) == ([], [])
