"""The export's handler over moto, with a receiver on this machine."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from infermeter.export.administration import add_account, put_configuration
from infermeter.export.configuration import Account
from infermeter.metering.fold import Summary, UsageKey, UsageRow
from infermeter.metering.hours import after, hour_of
from infermeter.metering.measures import Quantities
from infermeter.metering.seal import Seal
from tests.cloud import Cloud, Context, make_cloud
from tests.ports_export import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

# The two hours before the one that tests run in are sealed.
NEXT = hour_of(1_790_000_000_000)
FIRST = after(NEXT, -2)


class OpenMeter(BaseHTTPRequestHandler):
    """Counts events once; answers what it is told to."""

    events: dict[str, dict[str, Any]] = {}  # noqa: RUF012  the server makes the instances
    statuses: list[int] = []  # noqa: RUF012

    def do_POST(self) -> None:
        batch = json.loads(self.rfile.read(int(self.headers["content-length"])))
        status = self.statuses.pop(0) if self.statuses else 204
        assert self.path == "/api/v1/events"
        assert self.headers["authorization"] == f"Bearer {TOKEN}"
        if status in (204, 500):  # a 500 may come after it was counted
            for event in batch:
                self.events.setdefault(event["id"], event)
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    OpenMeter.events, OpenMeter.statuses = {}, []
    with HTTPServer(("127.0.0.1", 0), OpenMeter) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, url: str) -> Iterator[Cloud]:
    """An account in which two hours are sealed, of 5 rows and of 7 less 9."""
    with mock_aws():
        made = make_cloud(monkeypatch, export=json.dumps({"metering": TOKEN}))
        document = {
            "targets": [
                {"name": "metering", "kind": "openmeter", "url": url},
                {"name": "files", "kind": "csv"},
            ],
            "meters": [{"name": "rows", "measure": "row"}],
        }
        put_configuration(made.wiring.exports, document, FIRST)
        for target in ("metering", "files"):
            add_account(made.wiring.exports, Account("acme", target, "cus_acme", FIRST))
        made.wiring.usage_store.pass_over("acme", "", FIRST)
        for number, units in enumerate((5, -2)):
            seal(made, after(FIRST, number), units)
        yield made


def seal(cloud: Cloud, hour: str, units: int) -> None:
    quantities = Quantities(requests=1, units=units, rows=units)
    row = UsageRow("acme", hour, UsageKey("key", "tabular", "1", "row", ""), quantities)
    assert cloud.wiring.usage_store.seal(Seal("acme", hour, Summary(1, 1, quantities), 0), [row])


def run(
    cloud: Cloud, event: dict[str, Any] | None = None, *, left_ms: int = 60_000
) -> dict[str, Any]:
    answer: dict[str, Any] = cloud.function("export").handler(event or {}, Context(left_ms))
    return {report["target"]: report for report in answer["targets"]}


def test_sealed_hours_reach_each_target(cloud: Cloud) -> None:
    reports = run(cloud)
    assert {name: report["acknowledged"] for name, report in reports.items()} == {
        "metering": 2,
        "files": 2,
    }
    assert sorted(event["data"]["value"] for event in OpenMeter.events.values()) == [-2, 5]
    assert {event["subject"] for event in OpenMeter.events.values()} == {"cus_acme"}
    place = f"exports/csv/acme/{FIRST[:4]}/{FIRST[4:6]}/{FIRST[6:8]}/{FIRST[8:]}.csv"
    file = boto3.client("s3").get_object(Bucket=cloud.resources.archive_bucket, Key=place)
    assert (
        file["Body"].read().splitlines()[1]
        == f"{FIRST},acme,key,tabular,1,row,,1,5,5,0,0,0,0".encode()
    )
    for status in cloud.wiring.export_repair.status(check=True):
        assert (status.cursor, status.pending, status.missing) == (NEXT, 0, {})


def test_a_second_run_finds_nothing_to_do(cloud: Cloud) -> None:
    run(cloud)
    again = run(cloud)
    assert {(report["planned"], report["acknowledged"]) for report in again.values()} == {(0, 0)}


def test_a_failed_run_is_made_good_by_a_later_one(cloud: Cloud) -> None:
    OpenMeter.statuses = [500]
    assert run(cloud)["metering"]["unanswered"] == 2
    # The rows wait for their next attempt.
    assert run(cloud)["metering"]["acknowledged"] == 0
    cloud.wiring.clock = lambda: time.time() + 3600
    (report,) = cloud.wiring.export_job.run("metering")
    assert report.acknowledged == 2
    assert sum(event["data"]["value"] for event in OpenMeter.events.values()) == 3


def test_one_target_by_its_event(cloud: Cloud) -> None:
    assert list(run(cloud, {"target": "files"})) == ["files"]
    assert OpenMeter.events == {}


def test_nothing_is_begun_too_late(cloud: Cloud) -> None:
    reports = run(cloud, left_ms=19_000)
    assert {report["left"] for report in reports.values()} == {2}
    assert OpenMeter.events == {}


def test_the_token_is_never_logged(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    OpenMeter.statuses = [401]
    reports = run(cloud)
    assert reports["metering"]["deferred"] == 2
    logged = [str(vars(record)) for record in caplog.records]
    assert any("'deferred': 2" in line for line in logged)
    assert not any(TOKEN in line for line in logged)
    rows = cloud.wiring.outbox.rows("metering", "acme", FIRST)
    assert TOKEN not in str(rows)
