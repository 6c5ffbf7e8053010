"""What follows a table's stream."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from infra.local import processes
from infra.local.ministack import names as hooks
from infra.local.ministack.streams import keep_unread
from tests.infra.local.running import eventually

if TYPE_CHECKING:
    from tests.infra.local.running import Local


def put(local: Local, pk: str, *keys: str) -> None:
    client = local.client("dynamodb")
    for sk in keys:
        item = {"pk": {"S": pk}, "sk": {"S": sk}}
        client.put_item(TableName=local.outputs["Streamed"], Item=item)


def batches(local: Local, pk: str, count: int) -> list[list[dict[str, Any]]]:
    """The records with this key, by the invocation that brought them; none before all came."""
    answer = local.client("dynamodb").query(
        TableName=local.outputs["Table"],
        KeyConditionExpression="pk = :b",
        ExpressionAttributeValues={":b": {"S": f"stream/{pk}"}},
    )
    grouped: dict[str, list[dict[str, Any]]] = {}
    for item in answer["Items"]:
        record = json.loads(item["record"]["S"])
        grouped.setdefault(record["invocation"], []).append(record)
    return list(grouped.values()) if len(answer["Items"]) >= count else []


def test_new_items_come_in_order_with_their_image(local: Local):
    put(local, "image", "1", "2")
    ((first, second),) = eventually(lambda: batches(local, "image", 2))
    assert first["eventName"] == second["eventName"] == "INSERT"
    images = [record["dynamodb"]["NewImage"]["sk"]["S"] for record in (first, second)]
    assert images == ["1", "2"]
    assert first["eventSource"] == "aws:dynamodb"


def test_a_batch_is_gathered_for_the_length_of_the_window(local: Local):
    put(local, "window", "1")
    time.sleep(0.5)
    put(local, "window", "2")
    (batch,) = eventually(lambda: batches(local, "window", 2))
    assert len(batch) == 2


def test_a_batch_whose_function_is_killed_comes_again(local: Local):
    put(local, "slow", "1")

    def kill() -> bool:
        pids = [pid for _, pid in processes.environments(local.record.endpoint)]
        started = local.client("dynamodb").get_item(
            TableName=local.outputs["Table"],
            Key={"pk": {"S": "marks"}, "sk": {"S": "slow"}},
        )
        if "Item" not in started:
            return False
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return True

    eventually(kill)
    assert eventually(lambda: batches(local, "slow", 1))


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream of five records in this process: two are gone, one more was read."""
    for module, name in (
        (hooks.dynamodb, "_stream_records"),
        (hooks.dynamodb, "_stream_trimmed"),
        (hooks.lambda_svc, "_dynamodb_stream_positions"),
        (hooks.lambda_svc, "_esms"),
    ):
        monkeypatch.setattr(module, name, hooks.responses.AccountRegionScopedDict())
    for name in ("get_state", "load_persisted_state"):
        monkeypatch.setattr(hooks.dynamodb, name, getattr(hooks.dynamodb, name))
    keep_unread()
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/1"
    hooks.lambda_svc._esms["m"] = {"UUID": "m", "EventSourceArn": arn}
    hooks.dynamodb._stream_records["t"] = [{"n": 3}, {"n": 4}, {"n": 5}]
    hooks.dynamodb._stream_trimmed["t"] = 2
    hooks.lambda_svc._dynamodb_stream_positions["m"] = 3


@pytest.mark.usefixtures("saved")
def test_what_was_not_read_is_read_after_the_next_start():
    state = hooks.dynamodb.get_state()
    hooks.dynamodb._stream_records.clear()
    hooks.dynamodb._stream_trimmed.clear()
    hooks.dynamodb.load_persisted_state(state)
    assert hooks.dynamodb.stream_records_since("t", 3, 10) == [{"n": 4}, {"n": 5}]


@pytest.mark.usefixtures("saved")
def test_what_was_read_is_not_kept():
    kept = hooks.dynamodb.get_state()["stream_records"]
    assert kept["t"] == [{"n": 4}, {"n": 5}]
