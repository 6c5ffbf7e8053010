"""`infermeter exports`, over an account in the process."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from typer.testing import CliRunner

from infermeter.errors import InvalidField, UnknownTenant
from infermeter.metering.fold import Summary, UsageKey, UsageRow
from infermeter.metering.hours import after, hour_of
from infermeter.metering.measures import Quantities
from infermeter.metering.seal import Seal
from infra.cli import exports
from tests.ports_export import TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.cloud import Cloud

CONFIGURATION = """
[[targets]]
name = "files"
kind = "csv"

[[targets]]
name = "stripe"
kind = "stripe"

[[meters]]
name = "rows"
measure = "row"
"""
NEXT = after(hour_of(int(time.time() * 1000)), -1)
HOUR = after(NEXT, -1)
START = f"{HOUR[:4]}-{HOUR[4:6]}-{HOUR[6:8]}T{HOUR[8:]}:00:00"


@dataclass
class Here:
    """A target of the command line's that is this account."""

    cloud: Cloud

    def wiring(self) -> Any:
        return self.cloud.wiring


@pytest.fixture
def command(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs a command with --json; the documents that it printed."""
    monkeypatch.setattr(exports, "find_target", lambda *_: Here(cloud))
    cloud.wiring.tenant_administration.create("acme")
    file = tmp_path / "exports.toml"
    file.write_text(CONFIGURATION)

    def call(*arguments: str, code: int = 0) -> Any:
        words = [str(file) if word == "FILE" else word for word in arguments]
        result: Result = CliRunner().invoke(exports.app, [*words, "--json"])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    return call


@pytest.fixture
def sealed(cloud: Cloud) -> None:
    quantities = Quantities(requests=1, units=5, rows=5)
    row = UsageRow("acme", HOUR, UsageKey("key", "tabular", "1", "row", ""), quantities)
    cloud.wiring.usage_store.pass_over("acme", "", HOUR)
    cloud.wiring.usage_store.seal(Seal("acme", HOUR, Summary(1, 1, quantities), 0), [row])


def begin(command: Any) -> None:
    command("put", "FILE")
    command("map", "acme", "files", "acme", "--from", START)


def test_what_is_put_is_shown(command: Any) -> None:
    (document,) = command("put", "FILE")
    assert [target["name"] for target in document["targets"]] == ["files", "stripe"]
    assert document["meters"][0]["measure"] == "row"


def test_a_tenant_is_mapped_from_the_present_hour(command: Any) -> None:
    command("put", "FILE")
    (account,) = command("map", "acme", "stripe", "cus_1")
    assert (account["tenant"], account["customer"]) == ("acme", "cus_1")
    assert len(account["start"]) == 10


def test_a_tenant_that_is_misspelled_is_not_mapped(command: Any) -> None:
    command("put", "FILE")
    with pytest.raises(UnknownTenant):
        command("map", "acne", "files", "acme")


def test_an_hour_that_is_none_is_not_settled(command: Any) -> None:
    with pytest.raises(InvalidField, match="hour: expected yyyymmddhh in UTC, got 'x'"):
        command("settle", "files", "acme", "x", "rows")


@pytest.mark.usefixtures("sealed")
def test_a_dry_run_prints_the_request_and_sends_nothing(command: Any, cloud: Cloud) -> None:
    begin(command)
    (request,) = command("run", "--dry-run")
    assert request["target"] == "files"
    assert request["content"].splitlines()[1].startswith(f"{HOUR},acme,key,tabular")
    assert cloud.wiring.outbox.progress("files", "acme") is None


@pytest.mark.usefixtures("sealed")
def test_a_run_and_its_status(command: Any) -> None:
    begin(command)
    ((files, stripe),) = command("run")
    assert (files["acknowledged"], files["errors"], stripe["planned"]) == (1, [], 0)
    ((status,),) = command("status", "--check")
    assert (status["cursor"], status["pending"], status["missing"]) == (NEXT, 0, {})
    assert command("retry") == [[]]


@pytest.mark.usefixtures("sealed")
def test_a_run_that_cannot_send_ends_with_1(command: Any) -> None:
    begin(command)
    command("map", "acme", "stripe", "cus_1", "--from", START)
    ((_, stripe),) = command("run", code=1)
    assert stripe["errors"][0].startswith("StoreUnavailable: export secret")


def test_a_tenant_is_mapped_no_more(command: Any) -> None:
    begin(command)
    (account,) = command("unmap", "acme", "files")
    assert account["end"] > NEXT


def test_a_token_is_kept_and_not_shown(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = boto3.client("secretsmanager").create_secret(Name="tokens", SecretString="{}")
    cloud.wiring.resources = replace(cloud.resources, export_secret=secret["ARN"])
    monkeypatch.setattr(exports, "find_target", lambda *_: Here(cloud))
    file = tmp_path / "exports.toml"
    file.write_text(CONFIGURATION)
    CliRunner().invoke(exports.app, ["put", str(file)])
    result = CliRunner().invoke(exports.app, ["token", "stripe"], input=f"{TOKEN}\n")
    assert result.exit_code == 0
    assert TOKEN not in result.output
    assert cloud.wiring.export_tokens("stripe") == TOKEN


def test_lines_for_people(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(exports, "find_target", lambda *_: Here(cloud))
    file = tmp_path / "exports.toml"
    file.write_text(CONFIGURATION)
    cloud.wiring.tenant_administration.create("acme")
    for words in (["put", str(file)], ["map", "acme", "files", "acme"], ["run"], ["status"]):
        assert CliRunner().invoke(exports.app, words).exit_code == 0


def test_a_dry_run_says_when_nothing_is_due(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(exports, "find_target", lambda *_: Here(cloud))
    monkeypatch.setattr(exports.console, "note", said.append)
    result = CliRunner().invoke(exports.app, ["run", "--dry-run"])
    assert (result.exit_code, result.stdout, said) == (0, "", ["nothing is due"])
