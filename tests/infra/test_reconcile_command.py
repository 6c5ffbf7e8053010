"""`infermeter reconcile` and `findings`, over an account in the process."""

from __future__ import annotations

import io
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from infermeter.errors import InvalidField
from infermeter.metering.findings import Finding, FindingKind
from infermeter.reconciliation.report import Report
from infra.cli import reconcile
from infra.cli.main import app
from infra.cli.operations import OperationError

if TYPE_CHECKING:
    from tests.cloud import Cloud

FOUND = Finding(FindingKind.UNRECORDED, "acme", 1_790_000_000, {"request_id": "lost"})


@dataclass
class Here:
    """A target that is this account, and whose function answers as it is told to."""

    cloud: Cloud
    answer: dict[str, Any] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    endpoint: None = None

    @property
    def session(self) -> Here:
        return self

    def client(self, *_: Any, **__: Any) -> Here:
        return self

    def output(self, name: str) -> str:
        return name

    def wiring(self) -> Any:
        return self.cloud.wiring

    def invoke(self, **arguments: Any) -> dict[str, Any]:
        self.calls.append(arguments)
        return self.answer


@pytest.fixture
def here(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Here:
    target = Here(cloud)
    monkeypatch.setattr(reconcile, "find_target", lambda *_: target)
    return target


def answer(document: Any, **more: str) -> dict[str, Any]:
    return {"Payload": io.BytesIO(json.dumps(document).encode()), **more}


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_nothing_is_found(here: Here) -> None:
    here.answer = answer(Report(hours=["2026092112"]).document())
    assert run("reconcile") == (0, "nothing found\n")
    assert here.calls == [{"FunctionName": "ReconcileFunction", "Payload": b"{}"}]


def test_what_is_found_is_printed_and_fails(here: Here) -> None:
    report = Report()
    report.find(FOUND)
    here.answer = answer(report.document())
    code, printed = run("reconcile", "--hour", "2026092112")
    assert code == 1
    for part in ("unrecorded", "2026-09-21 14:13:20", "acme", "request_id: lost"):
        assert part in printed
    assert json.loads(here.calls[0]["Payload"]) == {"hour": "2026092112"}


def test_the_report_as_json(here: Here) -> None:
    document = Report().document()
    here.answer = answer(document)
    code, printed = run("reconcile", "--json")
    assert (code, json.loads(printed)) == (0, document)


def test_a_run_that_failed(here: Here) -> None:
    here.answer = answer({"errorMessage": "no log"}, FunctionError="Unhandled")
    with pytest.raises(OperationError, match="no log"):
        run("reconcile")


def test_an_hour_that_is_none(here: Here) -> None:
    with pytest.raises(InvalidField, match="yyyymmddhh"):
        run("reconcile", "--hour", "now")


def test_stored_findings(here: Here, cloud: Cloud) -> None:
    recent = Finding(FindingKind.LATE, "acme", int(time.time()) - 60, {"hour": "2026092112"})
    old = Finding(FindingKind.LATE, "acme", int(time.time()) - 40 * 24 * 3600, {})
    for finding in (recent, old):
        cloud.wiring.findings.record(finding)
    code, printed = run("findings", "--json")
    assert (code, [each["details"] for each in json.loads(printed)]) == (0, [recent.details])
    assert json.loads(run("findings", "--kind", "modified", "--json")[1]) == []
    assert len(json.loads(run("findings", "--kind", "late", "--days", "60", "--json")[1])) == 2
    assert "late" in run("findings")[1]


def test_a_kind_that_is_none(here: Here) -> None:
    with pytest.raises(InvalidField, match="duplicate"):
        run("findings", "--kind", "nothing")
