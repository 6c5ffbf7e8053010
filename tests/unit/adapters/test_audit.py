"""The audit trail in the control table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infermeter.adapters.caller import caller
from infermeter.tenants.accounts import Act
from infermeter.tenants.keys import TenantRecord

if TYPE_CHECKING:
    import pytest

    from tests.cloud import Cloud

ACT = Act("acme", "tenant.create", "me", 1_790_000_000.25, {"plan": "gold", "n": 3})


def test_an_act_reads_back(cloud: Cloud) -> None:
    cloud.wiring.keys.add_tenant(TenantRecord("acme", 10), ACT)
    assert cloud.wiring.audit.last("acme", 5) == [ACT]
    assert cloud.wiring.audit.last("umbrella", 5) == []


def test_the_last_acts_come_first(cloud: Cloud) -> None:
    keys = cloud.wiring.keys
    for number in range(12):
        keys.add_tenant(TenantRecord(f"t{number}", 10), replace(ACT, at=float(number)))
    assert [act.at for act in cloud.wiring.audit.last("acme", 3)] == [11.0, 10.0, 9.0]


def test_two_acts_of_one_moment_are_both_kept(cloud: Cloud) -> None:
    for name in ("a", "b"):
        cloud.wiring.keys.add_tenant(TenantRecord(name, 10), ACT)
    assert len(cloud.wiring.audit.last("acme", 5)) == 2


def test_the_actor_is_who_iam_and_the_machine_say(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "alice")
    assert caller(cloud.wiring.clients.sts()).startswith("arn:aws:")
    assert caller(cloud.wiring.clients.sts()).endswith(" (alice)")


def test_where_iam_does_not_tell_the_user_is_the_actor(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def get_caller_identity(self) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetCallerIdentity")

    monkeypatch.setenv("LOGNAME", "alice")
    assert caller(Silent()) == "alice"
