"""In-memory stand-ins for the export's ports, and vendors that count as the real ones do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

from infermeter.errors import StoreUnavailable
from infermeter.export.configuration import Account, Configuration, Meter, Target, TargetKind
from infermeter.export.files import CsvFiles
from infermeter.export.job import ExportJob
from infermeter.export.marketplace import Marketplace
from infermeter.export.openmeter import OpenMeter
from infermeter.export.outbox import OPEN, Progress, Row, RowState
from infermeter.export.repair import ExportRepair
from infermeter.export.stripe import Stripe
from infermeter.export.vendors import Answer, Silence
from infermeter.metering.fold import UsageKey, UsageRow
from infermeter.metering.hours import hour_of, start_of
from infermeter.metering.measures import Measure, Quantities
from tests.ports import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from infermeter.export.vendors import Post, Vendor

FIRST = "2026092112"
START = start_of(FIRST).timestamp()
LICENCE = "arn:aws:license-manager::123456789012:license:l-0123456789abcdef"
SEAL_S = 20 * 60
TOKEN = "sk_live_never_shown"


class Died(BaseException):
    """The process is gone."""


def _calm(_: str) -> None:
    """Nothing happens."""


def _takes_all(_: str) -> None:
    """No customer is refused."""


@dataclass
class MemoryExports:
    """The `ExportStore` in fields."""

    stored: Configuration = field(default_factory=Configuration)
    mapped: dict[tuple[str, str], Account] = field(default_factory=dict)

    def configuration(self) -> Configuration:
        return self.stored

    def put(self, configuration: Configuration) -> None:
        self.stored = configuration

    def accounts(self) -> list[Account]:
        return [self.mapped[place] for place in sorted(self.mapped)]

    def add(self, account: Account) -> None:
        self.mapped[account.target, account.tenant] = account


@dataclass
class MemoryUsage:
    """Sealed hours of net quantities: an hour is sealed 20 minutes after its end."""

    clock: Callable[[], float]
    used: list[UsageRow] = field(default_factory=list)

    def add(self, tenant: str, hour: str, units: int, model: str = "tabular") -> None:
        key = UsageKey("key", model, "1", "row", "")
        quantities = Quantities(requests=1, units=units, rows=units)
        self.used.append(UsageRow(tenant, hour, key, quantities))

    def watermark(self, tenant: str) -> str:
        return hour_of(int((self.clock() - SEAL_S) * 1000))

    def rows(self, tenant: str, start: str, end: str) -> Iterator[UsageRow]:
        end = min(end, self.watermark(tenant))
        mine = (row for row in self.used if row.tenant == tenant and start <= row.hour < end)
        yield from sorted(mine, key=lambda row: (row.hour, row.key))


class MemoryOutbox:
    """The `Outbox` in dicts; `fault` is called before and after each write."""

    def __init__(self, fault: Callable[[str], None] = _calm) -> None:
        self.stored: dict[tuple[str, str], dict[tuple[str, str, int], Row]] = {}
        self.progresses: dict[tuple[str, str], Progress] = {}
        self.fault = fault

    def progress(self, target: str, tenant: str) -> Progress | None:
        return self.progresses.get((target, tenant))

    def plan(self, target: str, tenant: str, after: Progress, rows: Sequence[Row]) -> bool:
        self.fault("before")
        standing = self.progress(target, tenant)
        if after.version != (standing.version if standing else 0) + 1:
            return False
        if any(_place(row) in self._of(row) for row in rows):
            return False
        for row in rows:
            self._of(row)[_place(row)] = row
        cursor = standing.cursor if standing else after.cursor
        self.progresses[target, tenant] = replace(after, cursor=cursor)
        self.fault("after")
        return True

    def rows(self, target: str, tenant: str, since: str) -> list[Row]:
        rows = self.stored.get((target, tenant), {})
        return [rows[place] for place in sorted(rows) if place[0] >= since]

    def change(self, before: Row, after: Row) -> bool:
        self.fault("before")
        if not self._stands(before):
            return False
        self._of(before)[_place(before)] = after
        self.fault("after")
        return True

    def move(self, before: Row, after: Progress | Row) -> bool:
        self.fault("before")
        place = (before.target, before.tenant)
        if not self._stands(before):
            return False
        if isinstance(after, Progress) and after.version != self.progresses[place].version + 1:
            return False
        self._of(before)[_place(before)] = replace(before, state=RowState.MOVED)
        if isinstance(after, Row):
            self._of(after)[_place(after)] = after
        else:
            self.progresses[place] = replace(after, cursor=self.progresses[place].cursor)
        self.fault("after")
        return True

    def move_cursor(self, target: str, tenant: str, cursor: str) -> None:
        self.fault("before")
        standing = self.progresses[target, tenant]
        if cursor > standing.cursor:
            self.progresses[target, tenant] = replace(standing, cursor=cursor)
        self.fault("after")

    def every(self) -> list[Row]:
        return [row for rows in self.stored.values() for row in rows.values()]

    def _of(self, row: Row) -> dict[tuple[str, str, int], Row]:
        return self.stored.setdefault((row.target, row.tenant), {})

    def _stands(self, row: Row) -> bool:
        standing = self._of(row)[_place(row)]
        return _state(standing) == _state(row)


def _place(row: Row) -> tuple[str, str, int]:
    return (row.hour, row.meter, row.revision)


def _state(row: Row) -> tuple[Any, ...]:
    return (row.state, row.attempts, row.doubt)


class End(Enum):
    """How a request to a vendor ends."""

    ACKNOWLEDGED = "applied, acknowledged"
    LOST = "applied, and the answer lost"
    APPLIED_THEN_DIED = "applied, and the process dies"
    NOT_APPLIED = "not applied, and no answer"
    DEFERRED = "not applied, and told to come back"
    DIED = "the process dies before it"


@dataclass
class FakeVendor:
    """A vendor that counts as the real one does; `ends` says how the next requests end.

    `received` counts rows, those too that it has counted before.
    """

    clock: Callable[[], float]
    ends: Iterator[End] = field(default_factory=lambda: iter(()))
    refuse: Callable[[str], str | None] = _takes_all
    requests: list[Any] = field(default_factory=list)
    counted: dict[tuple[str, ...], tuple[str, str, int]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    received: int = 0

    def total(self, customer: str, meter: str) -> int:
        """What it would bill a customer for."""
        mine = (each for each in self.counted.values() if each[:2] == (customer, meter))
        return sum(quantity for _, _, quantity in mine)

    def openmeter(self, post: Post) -> Answer | Silence:
        def apply() -> Answer:
            self.received += len(orjson.loads(post.body))
            for event in orjson.loads(post.body):
                refusal = self.refuse(event["subject"])
                if refusal:
                    return Answer(400, refusal.encode())
            for event in orjson.loads(post.body):
                place = (event["source"], event["id"])
                fact = (event["subject"], event["type"], event["data"]["value"])
                self.counted.setdefault(place, fact)
            return Answer(204, b"")

        return self._end(post, apply)

    def stripe(self, post: Post) -> Answer | Silence:
        def apply() -> Answer:
            self.received += 1
            fields = {name: values[0] for name, values in parse_qs(post.body.decode()).items()}
            customer, name = fields["payload[stripe_customer_id]"], fields["event_name"]
            age_s = self.clock() - int(fields["timestamp"])
            if age_s > 35 * 24 * 3600:
                return Answer(400, b'{"error":{"code":"timestamp_too_far_in_past"}}')
            if self.refuse(customer):
                return Answer(400, str(self.refuse(customer)).encode())
            if fields["identifier"] in self.known:
                said = f"An event already exists with identifier {fields['identifier']}."
                return Answer(400, orjson.dumps({"error": {"message": said}}))
            self.known.add(fields["identifier"])
            value = int(fields["payload[value]"])
            self.counted[customer, name, fields["timestamp"]] = (customer, name, value)
            return Answer(200, b"{}")

        return self._end(post, apply)

    def marketplace(self, request: dict[str, Any]) -> dict[str, Any] | Answer | Silence:
        def apply() -> dict[str, Any] | Answer:
            self.received += len(request["UsageRecords"])
            for record in request["UsageRecords"]:
                if self.clock() - record["Timestamp"].timestamp() >= 24 * 3600:
                    return Answer(400, b"TimestampOutOfBoundsException: too old")
            return {
                "Results": [self._meter(record) for record in request["UsageRecords"]],
                "UnprocessedRecords": [],
            }

        return self._end(request, apply)

    def file(self, key: str, content: bytes) -> None:
        def apply() -> Answer:
            self.received += 1
            header, *lines = content.decode().splitlines()
            units = header.split(",").index("units")
            quantity = sum(int(line.split(",")[units]) for line in lines)
            self.counted[(key,)] = (key.split("/")[2], "usage", quantity)
            return Answer(200, b"")

        if not isinstance(self._end((key, content), apply), Answer):
            raise StoreUnavailable("archive bucket: no answer; retry")

    def _meter(self, record: dict[str, Any]) -> dict[str, Any]:
        who = record.get("CustomerAWSAccountId") or record["CustomerIdentifier"]
        place = (who, record["Dimension"], record["Timestamp"].isoformat())
        fact = (who, record["Dimension"], record["Quantity"])
        status = self.refuse(who) or "Success"
        if status == "Success" and self.counted.setdefault(place, fact) != fact:
            status = "DuplicateRecord"
        return {"UsageRecord": record, "MeteringRecordId": "/".join(place), "Status": status}

    def _end(self, request: Any, apply: Callable[[], Any]) -> Any:
        self.requests.append(request)
        end = next(self.ends, End.ACKNOWLEDGED)
        if end is End.DIED:
            raise Died
        if end is End.NOT_APPLIED:
            return Silence("no answer", True)
        if end is End.DEFERRED:
            return Silence("cannot connect", False)
        answer = apply()
        if end is End.APPLIED_THEN_DIED:
            raise Died
        return Silence("no answer", True) if end is End.LOST else answer


class ExportWorld:
    """Tenants with sealed usage, one target, and its vendor."""

    def __init__(self, kind: TargetKind, *, tenants: Iterable[str] = ("acme",)) -> None:
        self.clock = Clock(START + 3 * 3600 + SEAL_S)
        self.usage, self.outbox = MemoryUsage(self.clock), MemoryOutbox()
        self.target = Target("there", kind, url="https://vendor.example", product="product")
        self.meters = (Meter("rows", Measure.ROW), Meter("requests", Measure.REQUEST))
        self.store = MemoryExports(Configuration((self.target,), self.meters))
        self.fake = FakeVendor(self.clock)
        for tenant in tenants:
            self.store.add(Account(tenant, "there", self.customer(tenant), FIRST))

    def customer(self, tenant: str) -> str:
        return tenant if self.target.kind is TargetKind.CSV else f"cus_{tenant}"

    def vendor(self, target: Target) -> Vendor:
        if target.kind is TargetKind.CSV:
            return CsvFiles(self.usage, self.fake.file)
        if target.kind is TargetKind.MARKETPLACE:
            return Marketplace(target, self.fake.marketplace)
        if target.kind is TargetKind.OPENMETER:
            return OpenMeter(target, lambda: TOKEN, self.fake.openmeter)
        return Stripe(target, lambda: TOKEN, self.fake.stripe)

    def job(self) -> ExportJob:
        return ExportJob(self.store, self.outbox, self.usage, self.vendor, self.clock)

    def repair(self) -> ExportRepair:
        return ExportRepair(self.store, self.outbox, self.usage, self.vendor, self.clock)

    def run(self) -> bool:
        """A run, which may die; the clock moves on to the next."""
        try:
            self.job().run()
        except Died:
            return False
        finally:
            self.clock.now += 3600
        return True

    def settle(self, runs: int = 12) -> None:
        """Runs without faults until nothing is open."""
        self.fake.ends, self.outbox.fault = iter(()), _calm
        for _ in range(runs):
            self.run()
            if not self.open():
                return

    def open(self) -> list[Row]:
        return [row for row in self.outbox.every() if row.state in OPEN]

    def check(self, tenant: str = "acme") -> None:
        """I4: what the vendor counted, and the carry, are the sealed quantities; all is settled."""
        assert self.open() == []
        progress = self.outbox.progress("there", tenant)
        assert progress is not None
        assert progress.cursor == progress.planned
        sealed = list(self.usage.rows(tenant, FIRST, progress.planned))
        for meter in self.store.stored.meters_of(self.target):
            total = sum(row.quantities.of(meter.measure) for row in sealed)
            carried = progress.carry.get(meter.name, 0)
            assert self.fake.total(self.customer(tenant), meter.name) + carried == total
        for status in self.repair().status(check=True):
            assert status.missing == {}
