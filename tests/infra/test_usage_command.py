"""`infermeter usage`, `request`, `statement`, `adjust`, `void`, over an account in the process."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from infermeter.errors import AdministrationRefused, InvalidField, UnknownRequest, UnknownTenant
from infermeter.metering.hours import hour_of
from infra.cli import adjustments, statements, usage
from infra.cli.main import app
from infra.cli.operations import OperationError
from tests.unit.metering.test_fold import charge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cloud import Cloud

ACME = ("--tenant", "acme")


@dataclass
class Here:
    """A target of the command line's that is this account."""

    cloud: Cloud

    def wiring(self) -> Any:
        return self.cloud.wiring


@pytest.fixture
def run(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a command; what it printed."""
    for module in (usage, statements, adjustments):
        monkeypatch.setattr(module, "find_target", lambda *_: Here(cloud))

    def call(*arguments: str) -> str:
        result = CliRunner().invoke(app, arguments)
        if result.exception is not None:
            raise result.exception
        return result.stdout

    return call


@pytest.fixture
def charged(cloud: Cloud) -> str:
    """The id of a request of five units, by a key of the tenant."""
    key = cloud.wiring.key_administration.create("acme")
    entry = replace(
        charge(tenant="acme", key_id=key.id, units=5), committed_ms=int(time.time() * 1000)
    )
    assert cloud.wiring.ledger_reader.put(entry) is None
    return entry.request_id.text


def rows(run: Callable[..., str], *arguments: str) -> Any:
    return json.loads(run("usage", *ACME, *arguments, "--json"))


def test_usage_as_json(run: Callable[..., str], charged: str) -> None:
    (row,) = rows(run)
    assert {"tenant": "acme", "model": "m", "unit": "row", "requests": 1, "units": 5}.items() <= (
        row.items()
    )
    assert row["final"] is False


def test_usage_by_window_and_group(run: Callable[..., str], charged: str) -> None:
    (row,) = rows(run, "--window", "hour", "--group-by", "model,price")
    assert row["start"][:13].replace("-", "").replace("T", "") == hour_of(int(time.time() * 1000))
    assert (row["key_id"], row["model"]) == (None, "m")
    assert rows(run, "--to", "2026-01-02", "--from", "2026-01-01") == []


def test_usage_as_csv_and_as_a_table(run: Callable[..., str], charged: str) -> None:
    (row,) = csv.DictReader(io.StringIO(run("usage", *ACME, "--csv"), newline=""))
    assert (row["model"], row["units"]) == ("m", "5")
    assert "usage of acme" in run("usage", *ACME)


def test_a_tenant_nobody_knows_is_told(run: Callable[..., str]) -> None:
    with pytest.raises(UnknownTenant):
        run("usage", "--tenant", "nobody")


def test_a_request_and_its_corrections(run: Callable[..., str], charged: str) -> None:
    taken = ("adjust", charged, *ACME, "--units", "2", "--reason", "half an answer")
    assert json.loads(run(*taken, "--number", "0", "--json"))["units"] == -2
    assert json.loads(run(*taken, "--number", "0", "--json"))["number"] == 0
    found = json.loads(run("request", charged, *ACME, "--json"))
    assert (found["net"]["units"], len(found["adjustments"])) == (3, 1)
    for _ in range(2):
        run("void", charged, *ACME, "--reason", "no answer")
    found = json.loads(run("request", charged, *ACME, "--json"))
    assert (found["net"]["requests"], found["net"]["units"]) == (0, 0)
    assert [each["reason"] for each in found["adjustments"]] == ["half an answer", "no answer"]
    assert "net" in run("request", charged, *ACME)


def test_more_than_is_left_is_refused(run: Callable[..., str], charged: str) -> None:
    with pytest.raises(AdministrationRefused):
        run("adjust", charged, *ACME, "--units", "6", "--reason", "greed")


def test_what_was_not_charged_is_told(run: Callable[..., str], charged: str) -> None:
    for command in (("request", "x"), ("void", "x", "--reason", "r")):
        with pytest.raises(UnknownRequest):
            run(*command, *ACME)


def test_a_statement(run: Callable[..., str], charged: str, tmp_path: Path) -> None:
    found = json.loads(run("statement", *ACME, "--json"))
    assert [(line["kind"], line["quantity"]) for line in found["lines"]] == [("unpriced", 5)]
    file = tmp_path / "statement.html"
    run("statement", *ACME, "--month", found["month"], "--html", str(file))
    assert found["usage_digest"] in file.read_text()
    assert "unpriced" in run("statement", *ACME, "--csv")
    assert "without a price" in run("statement", *ACME)


def test_a_month_that_is_none_is_refused(run: Callable[..., str], charged: str) -> None:
    with pytest.raises(InvalidField, match="YYYY-MM"):
        run("statement", *ACME, "--month", "November")


def test_a_page_that_cannot_be_written_is_told_in_one_line(
    run: Callable[..., str], charged: str, tmp_path: Path
) -> None:
    with pytest.raises(OperationError, match="html: expected a file to write, got"):
        run("statement", *ACME, "--html", str(tmp_path / "none" / "statement.html"))
