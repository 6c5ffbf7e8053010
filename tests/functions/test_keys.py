"""The operator's commands for keys, tenants and plans, and what the functions make of them."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from infermeter.errors import AdministrationRefused, InvalidRequest
from infermeter.metering.hours import start_of
from infermeter.metering.sharding import first_open
from infermeter.tenants.keys import parse_key
from infra.cli import keys, plans, tenants
from infra.cli.main import app
from tests.functions.test_batch import message, send

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cloud import Cloud
    from tests.functions.site import Site

    Command = Callable[..., Any]

PLAN = """
name = "gold"
currency = "EUR"
monthly_fee = "9.50"
limits = { rate = 100, budget = { amount = 50, measure = "row" } }

[[prices]]
model = "*"
measure = "row"
price = "0.0004"
"""


@pytest.fixture
def run(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a command on the account; what it printed. Raises what it raised."""
    target = SimpleNamespace(wiring=lambda: cloud.wiring)
    for module in (keys, plans, tenants):
        monkeypatch.setattr(module, "find_target", lambda *_: target)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments)
        if done.exception is not None:
            raise done.exception
        return done.stdout

    return run


@pytest.fixture
def ask(run: Callable[..., str]) -> Command:
    """A command's JSON."""
    return lambda *arguments: json.loads(run(*arguments, "--json"))


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "gold.toml"
    path.write_text(PLAN)
    return path


def restarted(site: Site) -> Site:
    """The same site in a new execution environment, where nothing is remembered."""
    site.handler = site.cloud.function("infer").handler
    return site


def test_a_key_does_what_its_scopes_say_until_it_expires(site: Site, ask: Command) -> None:
    made = ask("keys", "create", "--tenant", "acme", "--scope", "infer:lin*", "--expires", "1h")
    site.key = parse_key(made["key"])
    assert site.ask().status == 200
    assert site.ask("POST", "/v2/repository/models/linear/load").status == 403
    wiring = site.handler.__globals__["wiring"]
    wiring.authenticator._clock = lambda: time.time() + 3601
    assert site.ask().status == 401


def test_a_rotated_key_and_the_one_before_are_charged_to_one_key(site: Site, ask: Command) -> None:
    assert site.ask().status == 200
    rotated = ask("keys", "rotate", site.key.id, "--rotation-id", "r1")
    assert rotated["previous_expires_at"] == pytest.approx(time.time() + 86400, abs=60)
    assert ask("keys", "rotate", site.key.id, "--rotation-id", "r1") == rotated
    site.key = parse_key(rotated["key"])
    assert site.ask().status == 200
    assert {item["k"]["S"] for item in site.charges()} == {rotated["key_id"]}
    assert len(site.charges()) == 2


def test_a_third_secret_waits_or_ends_the_first(site: Site, ask: Command) -> None:
    ask("keys", "rotate", site.key.id)
    with pytest.raises(AdministrationRefused, match="the older ends at"):
        ask("keys", "rotate", site.key.id)
    ask("keys", "rotate", site.key.id, "--now")
    assert restarted(site).ask().status == 401


def test_the_list_tells_of_keys_and_of_no_secret(
    site: Site, ask: Command, run: Callable[..., str]
) -> None:
    options = ["--name", "nightly", "--rate", "5", "--budget", "1000 row", "--scope", "read:*"]
    made = ask("keys", "create", "--tenant", "acme", *options)
    site.ask()
    listed = {row["key_id"]: row for row in ask("keys", "list", "--tenant", "acme")}
    first, second = listed[site.key.id], listed[made["key_id"]]
    assert first["last_used_at"] == pytest.approx(time.time(), abs=60)
    assert second["last_used_at"] is None
    assert (second["name"], second["scopes"], second["state"]) == ("nightly", ["read:*"], "active")
    budget = {"amount": 1000, "measure": "row"}
    assert second["limits"] == {"rate": 5.0, "burst": 5, "budget": budget}
    ask("keys", "revoke", second["key_id"])
    table = run("keys", "list", "--tenant", "acme")
    assert "revoked" in table
    for secret in (parse_key(made["key"]).secret, site.key.secret):
        assert secret not in table
        assert secret not in json.dumps([first, second])


def test_a_last_use_is_written_once_a_minute(site: Site) -> None:
    writes = []
    activity = site.handler.__globals__["wiring"].activity
    activity._store = SimpleNamespace(used=lambda *use: writes.append(use))
    for _ in range(3):
        site.ask()
    assert [key_id for key_id, _ in writes] == [site.key.id]


def test_a_queues_messages_are_uses_too(site: Site, ask: Command) -> None:
    assert send(site.cloud.function("batch"), message(site.key.id)) == []
    (row,) = ask("keys", "list", "--tenant", "acme")
    assert row["last_used_at"] == pytest.approx(time.time(), abs=60)


def test_a_suspended_tenant_is_refused_until_it_is_resumed(site: Site, ask: Command) -> None:
    suspended = ask("tenants", "suspend", "acme", "--reason", "unpaid")
    assert (suspended["state"], suspended["reason"]) == ("suspended", "unpaid")
    answer = restarted(site).ask()
    assert (answer.status, answer.error[:27]) == (402, "tenant 'acme' is suspended;")
    assert not site.charges()
    ask("tenants", "resume", "acme")
    assert restarted(site).ask().status == 200


def test_shards_are_changed_from_a_future_hour_and_shown(
    site: Site, ask: Command, run: Callable[..., str]
) -> None:
    changed = ask("tenants", "shards", "acme", "16")
    hour = first_open(int(time.time() * 1000))
    assert changed["shards"] == [{"hour": hour, "shards": 16}]
    shown = ask("tenants", "show", "acme")
    assert shown["shards"] == changed["shards"]
    assert (shown["audit"][0]["act"], shown["audit"][0]["details"]["shards"]) == (
        "tenant.shards",
        16,
    )
    assert f"shards  1, 16 from {start_of(hour):%Y-%m-%d %H:00:00Z}" in run(
        "tenants", "show", "acme"
    )
    with pytest.raises(InvalidRequest, match="expected one of 1, 16, 256"):
        ask("tenants", "shards", "acme", "2")


def test_a_suspended_tenants_message_has_a_failed_result(site: Site, ask: Command) -> None:
    ask("tenants", "suspend", "acme")
    assert send(site.cloud.function("batch"), message(site.key.id)) == []
    s3 = site.cloud.wiring.clients.s3()
    (listed,) = s3.list_objects_v2(Bucket="test-results")["Contents"]
    result = json.load(s3.get_object(Bucket="test-results", Key=listed["Key"])["Body"])
    assert (result["status"], "suspended" in result["error"]) == ("failed", True)
    assert not site.charges()


def test_a_closed_tenant_is_refused_and_its_ledger_stays(site: Site, ask: Command) -> None:
    site.ask()
    closed = ask("tenants", "delete", "acme", "--yes")
    assert closed["state"] == "closed"
    assert closed["closed_at"] == pytest.approx(time.time(), abs=60)
    assert closed["statement"]["usage"][0]["requests"] == 1
    assert restarted(site).ask().status == 402
    assert len(site.charges()) == 1
    with pytest.raises(AdministrationRefused):
        ask("tenants", "delete", "acme", "--yes")
    with pytest.raises(AdministrationRefused):
        ask("keys", "create", "--tenant", "acme")


def test_a_tenant_is_not_closed_where_nobody_was_asked(site: Site, ask: Command) -> None:
    with pytest.raises(AdministrationRefused, match="expected --yes"):
        ask("tenants", "delete", "acme")
    assert site.ask().status == 200


def test_the_last_statement_is_printed_when_a_tenant_is_closed(
    site: Site, run: Callable[..., str], ask: Command, plan: Path
) -> None:
    ask("plans", "put", str(plan))
    ask("tenants", "plan", "acme", "gold")
    restarted(site).ask()
    printed = run("tenants", "delete", "acme", "--yes")
    assert "acme is closed" in printed
    assert "total  9.50 EUR" in printed


def test_a_plan_gives_requests_their_price_and_limits(site: Site, ask: Command, plan: Path) -> None:
    assert ask("plans", "put", str(plan)) == {"plan": "gold", "version": 1, "changed": True}
    ask("tenants", "plan", "acme", "gold")
    assert restarted(site).ask().status == 200
    (charge,) = site.charges()
    assert charge["p"]["S"] == "gold:1"
    shown = ask("tenants", "show", "acme")
    assert shown["price"] == "gold:1"
    assert shown["limits_in_force"]["budget"] == {"amount": 50, "measure": "row"}


def test_a_plan_changes_by_versions(ask: Command, run: Callable[..., str], plan: Path) -> None:
    ask("plans", "put", str(plan))
    assert "gold:1 is in force already" in run("plans", "put", str(plan))
    plan.write_text(PLAN.replace("0.0004", "0.0005"))
    assert "gold:2 is in force\n" in run("plans", "put", str(plan))
    prices = [ask("plans", "show", name)["prices"][0]["tiers"] for name in ("gold:1", "gold")]
    assert prices == [[{"price": "0.0004"}], [{"price": "0.0005"}]]
    (listed,) = ask("plans", "list")
    assert (listed["version"], Decimal(listed["monthly_fee"])) == (2, Decimal("9.50"))
    assert "0.0005" in run("plans", "show", "gold")
    assert "gold" in run("plans", "list")


def test_a_file_that_is_no_plan_is_refused(ask: Command, plan: Path) -> None:
    plan.write_bytes(b"name = '\xff'")
    with pytest.raises(InvalidRequest, match="expected TOML in UTF-8"):
        ask("plans", "put", str(plan))


def test_a_tenants_own_limits_come_and_go(ask: Command, run: Callable[..., str]) -> None:
    made = ask("tenants", "create", "umbrella", "--rate", "2", "--burst", "9")
    assert made["limits"] == {"rate": 2.0, "burst": 9}
    limited = ask("tenants", "limit", "umbrella", "--budget", "7")
    assert limited["limits"] == {"budget": {"amount": 7, "measure": "unit"}}
    assert ask("tenants", "limit", "umbrella")["limits"] == {}
    assert "umbrella" in run("tenants", "list")


def test_the_trail_says_who_did_what(ask: Command, run: Callable[..., str]) -> None:
    ask("tenants", "create", "umbrella")
    made = ask("keys", "create", "--tenant", "umbrella", "--name", "k")
    rotated = ask("keys", "rotate", made["key_id"])
    acts = ask("tenants", "show", "umbrella")["audit"]
    assert [act["act"] for act in acts] == ["key.rotate", "key.create", "tenant.create"]
    assert all(act["actor"].startswith("arn:aws:") for act in acts)
    shown = run("tenants", "show", "umbrella") + json.dumps(acts)
    for key in (made["key"], rotated["key"]):
        assert parse_key(key).secret not in shown
    assert "key.rotate" in shown


@pytest.mark.parametrize(
    "options",
    [
        ["--budget", "0"],
        ["--budget", "5 cows"],
        ["--budget", "-1"],
        ["--burst", "3"],
        ["--rate", "0"],
        ["--rate", "nan"],
        ["--rate", "1e300"],
        ["--budget", "9" * 17],
        ["--budget", ""],
        ["--rate", "1", "--burst", "0"],
        ["--expires", "tomorrow"],
        ["--expires", "2020-01-01"],
        ["--scope", "eat:*"],
    ],
)
def test_odd_options_make_no_key(ask: Command, cloud: Cloud, options: list[str]) -> None:
    with pytest.raises(InvalidRequest, match="expected"):
        ask("keys", "create", "--tenant", "acme", *options)
    assert list(cloud.wiring.keys.tenants()) == []
