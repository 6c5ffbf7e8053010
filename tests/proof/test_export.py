"""The export: its own calls and its vendor's under every fault; I4 whatever happens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from infermeter.export.administration import add_account, put_configuration
from infermeter.export.configuration import Account as Customer
from infermeter.export.vendors import Answer, Silence
from infermeter.metering.ids import recorded_id
from infermeter.metering.measures import Quantities
from infermeter.wiring import export
from tests.proof.account import Object
from tests.proof.events import schedule_event
from tests.proof.faults import CALM, Faults, Meanwhile
from tests.proof.ledgers import FIRST, SECOND, SETTLED, archive_all, of_table, serve
from tests.proof.requests import OPAQUE, TIMED
from tests.proof.schedules import Chooser
from tests.proof.site import NOW, RESOURCES, TENANT
from tests.proof.test_fold import run as fold

if TYPE_CHECKING:
    from collections.abc import Callable

    from infermeter.export.vendors import Post
    from tests.proof.account import Account
    from tests.proof.schedules import Exploration
    from tests.proof.site import Site

    Prove = Callable[..., Exploration]
    State = tuple[int, Account]

VENDOR, METER = "openmeter", "rows"
# Longer than a row waits for its next attempt.
PAUSE_S = 5 * 3600


class Vendor:
    """OpenMeter: an event counts once by its id. What it counted outlives every process."""

    def __init__(self, site: Site) -> None:
        self._account, self._faults = site.current

    def __call__(self, post: Post) -> Answer | Silence:
        try:
            self._faults.change("post", VENDOR, lambda: self._count(post))
        except ReadTimeoutError:
            return Silence("no answer", True)
        except ClientError:
            return Answer(429, b"")
        return Answer(204, b"")

    def _count(self, post: Post) -> None:
        counted = self._account.buckets.setdefault(VENDOR, {})
        for event in json.loads(post.body):
            content = json.dumps(event).encode()
            standing = counted.setdefault(event["id"], Object(content, {}, ""))
            assert standing.body == content, "I4: an event was changed"


@pytest.fixture
def account(site: Site, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Two sealed hours, the second with a charge and what was taken off the first's."""
    monkeypatch.setattr(export, "HttpPoster", lambda: Vendor(site))
    made = site.account.copy()
    made.secrets[RESOURCES.export_secret] = json.dumps({VENDOR: "token"})
    operator = site.operator(made)
    document = {
        "targets": [
            {"name": VENDOR, "kind": "openmeter", "url": "https://vendor.example"},
            {"name": "files", "kind": "csv"},
        ],
        "meters": [{"name": METER, "measure": "row"}],
    }
    put_configuration(operator.exports, document, FIRST)
    for target in (VENDOR, "files"):
        add_account(operator.exports, Customer(TENANT, target, "customer", FIRST))
    serve(site, made, [OPAQUE, TIMED])
    serve(site, made, ["order-18"], NOW + 3600)
    site.clock.now = NOW + 3601
    off = Quantities(requests=0, units=1, rows=1)
    operator.adjustments.adjust(TENANT, recorded_id(TIMED), off, number=0, reason="proof")
    site.clock.now = NOW
    archive_all(site, made)
    assert fold(site, made, Faults(Chooser(), CALM))
    return made


def run(site: Site, account: Account, faults: Faults, at: float) -> None:
    """One run; what the vendor counted after it is never more than what was sealed (I4)."""
    site.clock.now = at
    try:
        site.call("export", account, faults, schedule_event("export"))
    finally:
        site.clock.now = NOW
    for hour, quantity in counted(account).items():
        assert quantity == of_table(site, account, hour).summary.quantities.rows, f"I4: {hour}"


def counted(account: Account) -> dict[str, int]:
    """What the vendor counted, by hour."""
    sums: dict[str, int] = {}
    for event in account.buckets.get(VENDOR, {}).values():
        data = json.loads(event.body)["data"]
        sums[data["hour"]] = sums.get(data["hour"], 0) + data["value"]
    return sums


def ended(site: Site, account: Account, runs: int) -> None:
    """Undisturbed runs, once what failed is due again, bring all of it, once."""
    for number in range(2):
        run(site, account, Faults(Chooser(), CALM), SETTLED + (runs + number) * PAUSE_S)
    assert counted(account) == {FIRST: 4, SECOND: 1}, "I4: charges less adjustments"
    files = [key for key in account.buckets[RESOURCES.archive_bucket] if key.startswith("exports/")]
    assert len(files) == 2
    status = site.operator(account).export_repair.status(check=True)
    assert all((each.pending, each.missing) == (0, {}) for each in status)
    events = dict(account.buckets[VENDOR])
    run(site, account, Faults(Chooser(), CALM), SETTLED + (runs + 2) * PAUSE_S)
    assert account.buckets[VENDOR] == events, "a run too many"


def test_what_was_sealed_is_exported_once_wherever_a_run_dies(
    site: Site, account: Account, prove: Prove
) -> None:
    def again(chooser: Chooser, before: State) -> State:
        number, now = before[0], before[1].copy()
        run(site, now, Faults(chooser, most=1), SETTLED + number * PAUSE_S)
        return number + 1, now

    def end(_: Chooser, before: State) -> None:
        ended(site, before[1].copy(), before[0])

    prove("export, two runs", lambda _: (0, account), again, again, end, at_least=500)


def test_two_exports_at_once_send_each_row_once(site: Site, account: Account, prove: Prove) -> None:
    def scene(chooser: Chooser) -> None:
        now = account.copy()

        def other() -> None:
            current = site.current
            run(site, now, Faults(chooser, CALM, name="other"), SETTLED)
            site.clock.now, site.current = SETTLED, current

        meanwhile = Meanwhile(chooser, other)
        run(site, now, Faults(chooser, name="one", at_change=meanwhile, most=1), SETTLED)
        meanwhile.finish()
        site.clock.now = NOW
        ended(site, now, 1)

    prove("export, two runs at once", scene, at_least=100)
