"""The reconciling function over logs, ledger, archive, outbox and spool of an account."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from infermeter.adapters.ledger import DynamoLedger
from infermeter.errors import MalformedEvent, StoreUnavailable
from infermeter.export.configuration import Account, Configuration, Target, TargetKind
from infermeter.metering.archive import line_of
from infermeter.metering.findings import Finding, FindingKind
from infermeter.metering.hours import after, hour_of
from infermeter.metering.sharding import ONE_SHARD
from tests.cloud import ACCESS_LOG, FUNCTION_LOG, Context
from tests.ports_reconciliation import an_entry

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from tests.cloud import Cloud
    from tests.functions.site import Site

HOUR_S = 3600


@dataclass
class Later:
    """A clock that is ahead of the world's: what is done now is old by then."""

    ahead_s: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@dataclass
class Books:
    """An account in which requests were answered, and the function that compares."""

    cloud: Cloud
    function: ModuleType
    clock: Later = field(default_factory=Later)

    def __post_init__(self) -> None:
        self.logs = boto3.client("logs")
        self.cloud.wiring.clock = self.function.wiring.clock = self.clock
        for group in (ACCESS_LOG, FUNCTION_LOG):
            self.logs.create_log_stream(logGroupName=group, logStreamName="stream")

    def write(self, group: str, *lines: str) -> None:
        at = int(time.time() * 1000)
        events = [{"timestamp": at, "message": line} for line in lines]
        self.logs.put_log_events(logGroupName=group, logStreamName="stream", logEvents=events)

    def answered(
        self, gateway_id: str, status: int, path: str = "/live/v2/models/linear/infer"
    ) -> None:
        """The gateway's line, all text, as it writes it."""
        line = {
            "request_id": gateway_id,
            "function_request_id": "-",
            "time": str(int(time.time() * 1000)),
            "method": "POST",
            "path": path,
            "status": str(status),
            "error": "-",
        }
        self.write(ACCESS_LOG, json.dumps(line))

    def seal(self) -> None:
        """The stream has reached the archive, and hours are sealed."""
        for tenant in self.cloud.wiring.keys.tenants():
            for count in range(-1, 27):
                hour = after(hour_of(int(time.time() * 1000)), count)
                entries = self.cloud.wiring.ledger_reader.committed(tenant.tenant, hour)
                lines = [line_of(entry) for entry in entries]
                if lines:
                    self.cloud.wiring.archive.write(hour, f"{tenant.tenant}-{count}", lines)
        self.cloud.wiring.sealing.run()

    def run(self, hours: float = 0.0, **event: str) -> dict[str, Any]:
        """A run when so many hours have passed; JSON all through."""
        self.clock.ahead_s += hours * HOUR_S
        self.seal()
        return self.call(event)

    def call(self, event: dict[str, Any]) -> dict[str, Any]:
        return json.loads(json.dumps(self.function.handler(event, Context(900_000))))

    def units(self) -> list[int]:
        return sorted(int(item["u"]["N"]) for item in self.cloud.ledger_items())


@pytest.fixture
def books(cloud: Cloud) -> Books:
    return Books(cloud, cloud.function("reconcile"))


def found(report: dict[str, Any]) -> dict[str, int]:
    return {kind: count for kind, count in report["counts"].items() if count}


def test_what_was_served_and_answered_is_in_order(
    books: Books, site: Site, printed: Callable[[], list[str]]
) -> None:
    headers = {"idempotency-key": "one"}
    for gateway_id in ("first", "again"):
        assert site.ask(request_id=gateway_id, headers=headers).status == 200
        books.answered(gateway_id, 200)
    books.write(FUNCTION_LOG, "START RequestId: 1", *printed())
    report = books.run(3)
    assert found(report) == {}
    assert report["complete"]
    assert books.units() == [2]


def test_a_charge_whose_answer_was_lost_falls_a_day_later(
    books: Books, site: Site, printed: Callable[[], list[str]]
) -> None:
    site.ask(request_id="lost")
    books.answered("lost", 502)
    books.write(FUNCTION_LOG, *printed())
    assert found(books.run(3)) == {}
    report = books.run(23)
    assert found(report) == {"undelivered": 1}
    (voided,) = report["voided"]
    assert (voided["tenant"], voided["units"]) == ("acme", -2)
    assert books.units() == [-2, 2]
    hour = hour_of(int(time.time() * 1000))
    again = books.run(0, hour=hour)
    assert (found(again), again["voided"]) == ({"undelivered": 1}, [])
    assert books.units() == [-2, 2]


def test_a_replay_that_was_answered_keeps_the_charge(
    books: Books, site: Site, printed: Callable[[], list[str]]
) -> None:
    for gateway_id, status in {"lost": 502, "again": 200}.items():
        site.ask(request_id=gateway_id, headers={"idempotency-key": "one"})
        books.answered(gateway_id, status)
    books.write(FUNCTION_LOG, *printed())
    books.run(3)
    assert found(books.run(23)) == {}
    assert books.units() == [2]


def test_each_kind_of_finding_is_seen(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    wiring, now = books.cloud.wiring, int(time.time() * 1000)
    hour = hour_of(now)
    wiring.key_administration.create("acme")
    for name, status in {"served": 200, "undelivered": 502, "incomplete": None}.items():
        wiring.ledger_reader.put(an_entry(name, now, f"gateway-{name}"))
        if status is not None:
            books.answered(f"gateway-{name}", status)
    books.clock.ahead_s = 3 * HOUR_S
    books.seal()
    late = an_entry("late", now, "gateway-late")
    late_writer = DynamoLedger(
        boto3.client("dynamodb"), "ledger", lambda _: ONE_SHARD, lambda: now / 1000
    )
    late_writer.put(late)
    twice = replace(an_entry("twice", now), tenant="acme")
    wiring.archive.write(hour, "twice", [line_of(twice), line_of(replace(twice, nonce="another"))])
    books.answered("gateway-late", 200)
    books.answered("gateway-lost", 200, "/v1/embeddings")
    lost = {"gateway_id": "gateway-lost", "tenant": "acme", "request_id": "lost", "billed": "new"}
    books.write(FUNCTION_LOG, json.dumps({"message": "request", "request": lost}))
    wiring.exports.put(Configuration((Target("files", TargetKind.CSV),)))
    wiring.exports.add(Account("acme", "files", "customer", hour))
    at = int(time.time()) + 26 * HOUR_S - 60
    for kind in (FindingKind.MODIFIED, FindingKind.CONFLICT):
        wiring.findings.record(Finding(kind, "acme", at, {"place": "somewhere"}))
    boto3.client("sqs").send_message(QueueUrl=books.cloud.resources.spool_queue, MessageBody="{}")
    books.clock.ahead_s = 26 * HOUR_S
    report = books.call({})
    assert set(found(report)) == {kind.value for kind in FindingKind}
    assert [act["id"] for act in report["voided"]] == ["undelivered"]
    assert {act["id"] for act in report["carried"]} == {"late", "twice"}
    assert report["counts"]["unrecorded"] == 1
    for kind in FindingKind:
        assert list(wiring.findings.of_kind(kind, 0, 1 << 33))
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record.finding for record in errors] == report["findings"]


def test_a_metric_for_each_kind_even_of_none(
    books: Books, printed: Callable[[], list[str]]
) -> None:
    books.run()
    lines = [json.loads(line) for line in printed()]
    metrics = {line["finding"]: line for line in lines if "_aws" in line}
    assert set(metrics) == {kind.value for kind in FindingKind}
    for line in metrics.values():
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert line["Findings"] == 0
        assert directive["Namespace"] == "infermeter"
        assert directive["Dimensions"] == [["finding"]]
        assert directive["Metrics"] == [{"Name": "Findings", "Unit": "Count"}]


def test_the_spool_is_looked_at_and_left_as_it_is(books: Books) -> None:
    sqs, queue = boto3.client("sqs"), books.cloud.resources.spool_queue
    for number in range(12):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    report = books.run(1)
    assert found(report) == {"spool-age": 1}
    assert report["findings"][0]["details"] == {"count": 12}
    got = [sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10) for _ in range(2)]
    assert sum(len(answer["Messages"]) for answer in got) == 12


def test_without_a_log_there_is_no_report(books: Books) -> None:
    books.logs.delete_log_group(logGroupName=ACCESS_LOG)
    with pytest.raises(StoreUnavailable, match="log group access: ResourceNotFoundException"):
        books.run()


@pytest.mark.parametrize("hour", ["2026", "2026139999", 2026010100, None, "20260101 0"])
def test_an_hour_that_is_none(books: Books, hour: Any) -> None:
    with pytest.raises(MalformedEvent, match="expected yyyymmddhh"):
        books.call({"hour": hour})


def test_time_that_does_not_suffice_is_told(books: Books) -> None:
    assert books.function.handler({}, Context(1000))["complete"] is False
