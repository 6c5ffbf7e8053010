"""Any history at all: requests, retries, queues, faults, clocks and corrections, against a dict.

A Hypothesis state machine over the real handlers and an account in memory. What it knows of the
truth is what clients know: which ids they sent, with what, and which answers they were given. After
every step the invariants hold; at the end, once all is drained, streamed, sealed and exported, the
bill is what the dict says.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from infermeter.adapters.ledger import entry_of
from infermeter.errors import Unavailable
from infermeter.export.administration import add_account, put_configuration
from infermeter.export.configuration import Account as ExportAccount
from infermeter.metering.fold import fold, fold_lines
from infermeter.metering.hours import after, hour_of
from infermeter.metering.ids import derive_id
from infermeter.metering.ledger import Billed, Kind
from infermeter.metering.measures import NOTHING, Quantities
from infermeter.metering.sharding import SHARD_COUNTS, ShardChange, Sharding
from infermeter.tenants.accounts import Act
from tests.cloud import proxy_event
from tests.proof.events import schedule_event, stream_event
from tests.proof.faults import CALM, Ending, Faults, Meanwhile
from tests.proof.messages import Queue, message, succeeded
from tests.proof.messages import result as result_of
from tests.proof.requests import told
from tests.proof.schedules import Chooser
from tests.proof.site import MODEL, NOW, RESOURCES, TENANT
from tests.proof.spool import drain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infermeter.metering.ledger import LedgerEntry
    from tests.proof.account import Account
    from tests.proof.site import Site

HOUR_S = 3600
BODIES = tuple(
    {"name": "x", "shape": [rows, 3], "datatype": "FP32", "data": [float(rows)] * 3 * rows}
    for rows in (1, 2, 5)
)
# How the tenant's ledger is divided: from so many hours after the beginning on, so many shards.
DIVIDED = ((), ((-4, 16),), ((-4, 16), (1, 256), (2, 16)), ((-1, 256), (0, 1), (6, 16)), ((1, 16),))


class Drawn:
    """Chooses as Hypothesis draws; fair weather is likely, and what a failure shrinks to."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def choose(self, what: str, options: Sequence[Any]) -> Any:
        """One of the options."""
        fair = [option for option in options if option in (Ending.ACKNOWLEDGED, False)]
        return self._data.draw(st.sampled_from([*fair * 8, *options]), label=what)


@dataclass
class Sent:
    """What the clients know of one id: the body first sent, and every 2xx they were given."""

    id: str
    body: int
    answers: list[tuple[int, Billed, int]] = field(default_factory=list)


class Metering(RuleBasedStateMachine):
    """One tenant with two producers: a client of the API, and a queue."""

    site: Site

    @initialize(divided=st.sampled_from(DIVIDED))
    def begin(self, divided: tuple[tuple[int, int], ...]) -> None:
        self.site.clock.now = NOW
        self.account: Account = self.site.account.copy()
        self.key = self.site.key
        self.sent: dict[str, Sent] = {}
        self.queue = Queue(self.site, self.account, [])
        self.queued: dict[str, int] = {}
        self.streamed: set[int] = set()
        self.sealed: dict[str, tuple[Any, ...]] = {}
        self.operator = self.site.operator(self.account)
        self.begun = hour_of(int(NOW * 1000))
        changes = (ShardChange(after(self.begun, hours), shards) for hours, shards in divided)
        owner = self.operator.keys.tenant(TENANT)
        assert owner is not None
        owner = replace(owner, sharding=Sharding(tuple(changes)))
        assert self.operator.keys.put_tenant(owner, Act(TENANT, "test", "me", NOW))
        configured = {
            "targets": [{"name": "files", "kind": "csv"}],
            "meters": [{"name": "rows", "measure": "row"}],
        }
        put_configuration(self.operator.exports, configured, after(self.begun, -1))
        add_account(
            self.operator.exports, ExportAccount(TENANT, "files", "acme", after(self.begun, -1))
        )

    # What clients do.

    @rule(data=st.data(), body=st.integers(0, 2), timed=st.booleans())
    def send(self, data: st.DataObject, body: int, timed: bool) -> None:
        number = len(self.sent)
        now_ms = int(self.site.clock.now * 1000)
        id = derive_id(now_ms, str(number)).text if timed else f"order-{number}"
        self.sent[id] = Sent(id, body)
        self._ask(data, id, body)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        sent = self._pick(data)
        self._ask(data, sent.id, sent.body)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def retry_twice_at_once(self, data: st.DataObject) -> None:
        sent = self._pick(data)
        meanwhile = Meanwhile(Drawn(data), lambda: self._ask(data, sent.id, sent.body))  # type: ignore[arg-type]
        self._ask(data, sent.id, sent.body, at_change=meanwhile)
        meanwhile.finish()

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), body=st.integers(0, 2))
    def use_an_id_for_another_body(self, data: st.DataObject, body: int) -> None:
        self._ask(data, self._pick(data).id, body)

    @rule(body=st.integers(0, 2))
    def queue_a_message(self, body: int) -> None:
        number = len(self.queued)
        id = f"queued-{number}"
        self.queued[id] = body
        self.queue.waiting.append(message(self.site, number, id=id, rows=BODIES[body]))

    @precondition(lambda self: self.queued)
    @rule(data=st.data(), again=st.booleans())
    def deliver(self, data: st.DataObject, again: bool) -> None:
        self.queue.deliver(self._faults(data), again=again)

    # What time, the operator and the machinery do.

    @rule(seconds=st.sampled_from([1, 60, 1200, HOUR_S, 5 * HOUR_S]))
    def wait(self, seconds: int) -> None:
        self.site.clock.now += seconds

    @rule(data=st.data())
    def drain_the_spool(self, data: st.DataObject) -> None:
        drain(self.site, self.account, self._faults(data))

    @rule(data=st.data())
    def stream(self, data: st.DataObject) -> None:
        """A batch of the stream: anything of it, in any order, repeated or not."""
        numbers = range(len(self.account.stream))
        if numbers:
            batch = data.draw(st.lists(st.sampled_from(numbers), max_size=6), label="batch")
            self._stream(self._faults(data), batch)

    @rule(data=st.data())
    def seal(self, data: st.DataObject) -> None:
        self.site.call("fold", self.account, self._faults(data), schedule_event("fold"))

    @rule(data=st.data())
    def export(self, data: st.DataObject) -> None:
        self.site.call("export", self.account, self._faults(data), schedule_event("export"))

    @rule(version=st.sampled_from("123"))
    def move_the_alias(self, version: str) -> None:
        self.site.move(self.account, version)

    @rule()
    def rotate_the_key(self) -> None:
        self.site.clock.now += 1
        rotated = self.operator.key_administration.rotate(self.key.id, end_older=True)
        self.key = rotated.key

    @rule(count=st.sampled_from(SHARD_COUNTS))
    def change_the_shards(self, count: int) -> None:
        self.operator.tenant_administration.shard(TENANT, count)

    @precondition(lambda self: self._charges())
    @rule(data=st.data(), whole=st.booleans())
    def correct(self, data: st.DataObject, whole: bool) -> None:
        charge = data.draw(st.sampled_from(self._charges()), label="charge")
        adjustments = self.operator.adjustments
        before = [each for each in self._about(charge) if each.kind is Kind.ADJUSTMENT]
        if whole:
            adjustments.void(TENANT, charge.request_id, reason="test")
        elif charge.units + sum(each.units for each in before) > 0:
            adjustments.adjust(
                TENANT,
                charge.request_id,
                Quantities(units=1),
                number=len(before),
                reason="test",
            )

    # What must hold whatever happened.

    @invariant()
    def one_charge_for_an_id(self) -> None:
        counted = Counter(charge.request_id.text for charge in self._charges())
        assert not [id for id, count in counted.items() if count > 1], "I1"

    @invariant()
    def every_answer_is_recorded(self) -> None:
        charges = {charge.request_id.text: charge for charge in self._charges()}
        waiting = self._waiting()
        for sent in self.sent.values():
            for _, billed, units in sent.answers:
                known = charges.get(sent.id)
                if billed is Billed.PENDING:
                    assert known or sent.id in waiting, "I2: pending, and nowhere"
                else:
                    assert known is not None, "I2: answered, and not recorded"
                    assert known.units == units, "I2: units"

    @invariant()
    def what_is_sealed_stays(self) -> None:
        store = self.operator.usage_store
        watermark = store.watermark(TENANT)
        if not watermark:
            return
        hours: dict[str, list[Any]] = {}
        for row in store.rows(TENANT, after(self.begun, -2), watermark):
            hours.setdefault(row.hour, []).append(row)
        for hour, rows in hours.items():
            assert self.sealed.setdefault(hour, tuple(rows)) == tuple(rows), "I6"
        assert set(self.sealed) <= set(hours), "I6: a sealed hour is gone"

    def teardown(self) -> None:
        if not hasattr(self, "account"):
            return
        calm = Faults(Chooser(), CALM)
        while self.queue.waiting:
            self.queue.deliver(calm)
        drain(self.site, self.account, calm)
        self._seal_all(calm)
        self._carry_all()
        self._seal_all(calm)
        self._compare(calm)

    def _compare(self, calm: Faults) -> None:
        charges = {charge.request_id.text: charge for charge in self._charges()}
        for id, sent in self.sent.items():
            if sent.answers:
                assert id in charges, "answered, and never charged"
        for id in self.queued:
            assert succeeded(result_of(self.account, id))
            assert id in charges, "a result without its charge"
        assert set(charges) <= set(self.sent) | set(self.queued)
        total = NOTHING
        for entry in self._entries():
            if entry.kind is not Kind.CARRY:
                total = total.plus(entry.quantities)
        store = self.operator.usage_store
        watermark = store.watermark(TENANT)
        usage = NOTHING
        for row in store.rows(TENANT, after(self.begun, -2), watermark):
            usage = usage.plus(row.quantities)
        assert usage == total, "what is billed is what was charged, less what was taken off"
        for seal in store.seals(TENANT, after(self.begun, -2), watermark):
            rows = tuple(store.rows(TENANT, seal.hour, after(seal.hour)))
            kept = self.operator.manifests.read(TENANT, seal.hour, seal.manifest)
            table = fold(TENANT, seal.hour, self.operator.ledger.committed(TENANT, seal.hour))
            lines = fold_lines(seal.hour, self.operator.archive.lines(seal.hour))[TENANT]
            assert table == lines, "I3: archive and table"
            assert kept <= table.identities
            if kept == table.identities:
                assert rows == table.rows, "I3: rows"
        self.site.call("export", self.account, calm, schedule_event("export"))
        assert self._exported() == (usage.requests, usage.rows), "I4"

    def _seal_all(self, calm: Faults) -> None:
        self.site.clock.now += 3 * HOUR_S
        self._stream(calm, range(len(self.account.stream)))
        self.site.call("fold", self.account, calm, schedule_event("fold"))
        last = after(hour_of(int(self.site.clock.now * 1000)), -2)
        assert self.operator.usage_store.watermark(TENANT) > last

    def _carry_all(self) -> None:
        hour, watermark = after(self.begun, -4), self.operator.usage_store.watermark(TENANT)
        while hour < watermark:
            self.operator.lateness.carry(hour, [TENANT])
            hour = after(hour)

    def _exported(self) -> tuple[int, int]:
        requests = rows = 0
        for key, stored in self.account.buckets.get(RESOURCES.archive_bucket, {}).items():
            if key.startswith("exports/csv/"):
                for line in csv.DictReader(io.StringIO(stored.body.decode())):
                    requests += int(line["requests"])
                    rows += int(line["rows"])
        return requests, rows

    def _ask(
        self,
        data: st.DataObject,
        id: str,
        body: int,
        at_change: Callable[[], None] = lambda: None,
    ) -> None:
        skew = data.draw(st.sampled_from([0, 0, 0, -90, 90, -3 * HOUR_S]), label="skew")
        event = proxy_event(
            "POST",
            f"/v2/models/{MODEL}/infer",
            body={"inputs": [BODIES[body]]},
            headers={"x-api-key": self.key.text(), "Idempotency-Key": id},
            request_id=f"gateway-{len(self.sent)}",
        )
        self.site.clock.now += skew
        try:
            faults = self._faults(data)
            faults.at_change = at_change
            answer = self.site.call("infer", self.account, faults, event)
        finally:
            self.site.clock.now -= skew
        if answer is None:
            return
        # 504: the clock of who answers is ahead of the gateway's by more than there is time for.
        assert answer["statusCode"] in {200, 422, 503, 504}, answer
        if answer["statusCode"] == 200:
            made = told(answer)
            self.sent[id].answers.append((body, made.billed, made.units))

    def _stream(self, faults: Faults, batch: Sequence[int]) -> None:
        records = [(number, self.account.stream[number]) for number in batch]
        if records:
            event = stream_event(records, self.site.clock.now)
            with suppress(Unavailable):  # the stream delivers it again
                self.site.call("archive", self.account, faults, event)

    def _faults(self, data: st.DataObject) -> Faults:
        return Faults(Drawn(data))  # type: ignore[arg-type]

    def _pick(self, data: st.DataObject) -> Sent:
        return data.draw(st.sampled_from(list(self.sent.values())), label="sent")

    def _entries(self) -> list[LedgerEntry]:
        return [entry_of(item) for item in self.account.table(RESOURCES.ledger_table).values()]

    def _charges(self) -> list[LedgerEntry]:
        return [entry for entry in self._entries() if entry.kind is Kind.CHARGE]

    def _about(self, charge: LedgerEntry) -> list[LedgerEntry]:
        return [each for each in self._entries() if each.request_id == charge.request_id]

    def _waiting(self) -> set[str]:
        bodies = [each.body for each in self.account.queues.get(RESOURCES.spool_queue, [])]
        return {id for id in self.sent if any(f'"{id}"' in body for body in bodies)}


def test_whatever_happens_the_bill_is_exact(site: Site, tell: Callable[[str], None]) -> None:
    steps = 0

    class OnThisSite(Metering):
        def check_invariants(self, *arguments: Any, **named: Any) -> None:
            nonlocal steps
            steps += 1
            super().check_invariants(*arguments, **named)

    OnThisSite.site = site
    run_state_machine_as_test(
        OnThisSite,
        settings=settings(
            max_examples=100,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    tell(f"state machine: {steps} steps")
