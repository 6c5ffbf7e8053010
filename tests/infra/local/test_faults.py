"""Faults that tests ask the local DynamoDB for."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local import state
from infra.local.credentials import local_session
from infra.local.faults import Fault, Faults, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.infra.local.running import Local

BODY = b'{"TableName": "ledger"}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "faults.json"


def write(path: Path, **plan: object) -> None:
    path.write_text(json.dumps({"table": "ledger", "until": time.time() + 60, **plan}))


def test_nothing_fails_without_a_plan(path: Path):
    assert Faults(path).of("PutItem", BODY) is None


@pytest.mark.parametrize("fault", list(Fault))
def test_a_share_of_one_befalls_every_call(path: Path, fault: Fault):
    write(path, **{fault.value: 1.0})
    assert Faults(path).of("PutItem", BODY) is fault


def test_shares_are_of_all_calls(path: Path):
    write(path, throttled=0.25, unacknowledged=0.25)
    faults = Faults(path)
    drawn = [faults.of("PutItem", BODY) for _ in range(4000)]
    for fault in (Fault.THROTTLED, Fault.UNACKNOWLEDGED):
        assert 800 < drawn.count(fault) < 1200


@pytest.mark.parametrize(
    ("operation", "body"), [("GetItem", BODY), ("PutItem", b'{"TableName": "usage"}')]
)
def test_other_calls_and_tables_are_spared(path: Path, operation: str, body: bytes):
    write(path, throttled=1.0)
    assert Faults(path).of(operation, body) is None


def test_a_plan_ends_at_its_time(path: Path):
    write(path, throttled=1.0, until=time.time() - 1)
    assert Faults(path).of("PutItem", BODY) is None


@pytest.fixture
def failing(local: Local) -> Iterator[Local]:
    yield local
    state.faults(local.home).unlink()


@pytest.mark.parametrize(
    ("fault", "code", "applied"),
    [
        (Fault.THROTTLED, "ThrottlingException", False),
        (Fault.UNACKNOWLEDGED, "InternalServerError", True),
    ],
)
def test_a_call_fails_as_the_plan_says(failing: Local, fault: Fault, code: str, applied: bool):
    table, key = failing.outputs["Table"], {"pk": {"S": fault.value}, "sk": {"S": "1"}}
    plan = Plan(table, until=time.time() + 60, **{fault.value: 1.0})  # type: ignore[arg-type]
    state.faults(failing.home).write_text(json.dumps(asdict(plan)))
    once = Config(retries={"total_max_attempts": 1})
    client = local_session().client("dynamodb", endpoint_url=failing.record.endpoint, config=once)
    with pytest.raises(ClientError) as failure:
        client.put_item(TableName=table, Item=key)
    assert failure.value.response["Error"]["Code"] == code
    assert ("Item" in client.get_item(TableName=table, Key=key)) is applied
