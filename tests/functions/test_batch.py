"""SQS events through the real handler, over moto."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import boto3
import orjson
import pytest
from botocore.exceptions import EndpointConnectionError

from infermeter.adapters.results import result_key
from infermeter.metering.ids import derive_id, recorded_id
from tests.cloud import Cloud, Context

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from tests.functions.site import Site

ROW = [1.0, 2.0, 3.0]


@pytest.fixture
def batch(cloud: Cloud, tmp_path: Path) -> ModuleType:
    cloud.publish_linear(tmp_path / "first")
    return cloud.function("batch")


@pytest.fixture
def key_id(cloud: Cloud) -> str:
    return cloud.wiring.key_administration.create("acme").id


def new_id(seed: str) -> str:
    return derive_id(int(time.time() * 1000), seed).text


def message(key_id: str, id_: str | None = None, **changes: Any) -> str:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 3], "data": ROW}
    envelope = {
        "specversion": "1.0",
        "key_id": key_id,
        "model": "linear",
        "request": {"inputs": [tensor]},
        **changes,
    }
    return json.dumps(envelope if id_ is None else {**envelope, "id": id_})


def refuse(**_: Any) -> None:
    raise EndpointConnectionError(endpoint_url="store")


def with_data(*rows: list[float]) -> dict[str, Any]:
    shape = [len(rows), len(rows[0])]
    tensor = {"name": "x", "datatype": "FP32", "shape": shape, "data": list(rows)}
    return {"request": {"inputs": [tensor]}}


def send(batch: ModuleType, *bodies: str) -> list[str]:
    """The ids of the messages to redeliver; the first message's id is m0."""
    sent = str(int(time.time() * 1000))
    records = [
        {
            "messageId": f"m{index}",
            "receiptHandle": "r",
            "body": body,
            "attributes": {"SentTimestamp": sent, "ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:batch",
            "awsRegion": "eu-west-1",
        }
        for index, body in enumerate(bodies)
    ]
    answer = batch.handler({"Records": records}, Context())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def result(cloud: Cloud, id_: str, tenant: str = "acme") -> dict[str, Any]:
    client = boto3.client("s3")
    key = result_key(tenant, recorded_id(id_))
    body = client.get_object(Bucket=cloud.resources.results_bucket, Key=key)["Body"].read()
    document: dict[str, Any] = json.loads(body)
    return document


def dead_letters(cloud: Cloud) -> list[dict[str, Any]]:
    answer = boto3.client("sqs").receive_message(
        QueueUrl=cloud.resources.dead_letter_queue,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
    )
    return [dict(each) for each in answer.get("Messages", [])]


def test_each_message_is_answered(cloud: Cloud, batch: ModuleType, key_id: str) -> None:
    ids = [new_id(str(n)) for n in range(3)]
    again = send(batch, *(message(key_id, id_) for id_ in ids))
    assert again == []
    for id_ in ids:
        document = result(cloud, id_)
        assert (document["id"], document["status"]) == (id_, "succeeded")
        assert document["response"]["outputs"][0]["shape"] == [1, 2]
    assert len(cloud.ledger_items()) == 3


def test_stacked_rows_come_back_to_their_own_message(
    cloud: Cloud, batch: ModuleType, key_id: str
) -> None:
    ids = [new_id(str(n)) for n in range(3)]
    bodies = [
        message(key_id, id_, **with_data(*[[float(n), 0.0, 0.0]] * (n + 1)))
        for n, id_ in enumerate(ids)
    ]
    send(batch, *bodies)
    for n, id_ in enumerate(ids):
        (output,) = result(cloud, id_)["response"]["outputs"]
        assert output["shape"] == [n + 1, 2]
        assert output["data"] == pytest.approx([0.5, 0.1 * n - 0.5] * (n + 1))


def test_each_message_has_its_own_classes(cloud: Cloud, batch: ModuleType, key_id: str) -> None:
    ids, bodies = [new_id(str(n)) for n in range(3)], []
    for id_, count in zip(ids, (1, 2, None), strict=True):
        request = with_data([0.0, 0.0, 0.0])["request"]
        if count:
            request["outputs"] = [{"name": "y", "parameters": {"classification": count}}]
        bodies.append(message(key_id, id_, request=request))
    send(batch, *bodies)
    found = [result(cloud, id_)["response"]["outputs"][0]["data"] for id_ in ids]
    assert found == [["0.500000:0"], ["0.500000:0", "-0.500000:1"], [0.5, -0.5]]


def test_what_cannot_be_read_goes_to_the_dead_letters(
    cloud: Cloud, batch: ModuleType, key_id: str
) -> None:
    assert send(batch, "not JSON", message(key_id, new_id("good"))) == []
    (dead,) = dead_letters(cloud)
    assert dead["Body"] == "not JSON"
    attributes = {k: v["StringValue"] for k, v in dead["MessageAttributes"].items()}
    assert attributes["message_id"] == "m0"
    assert "expected JSON" in attributes["reason"]
    assert len(cloud.ledger_items()) == 1


def test_a_key_that_nobody_has_goes_to_the_dead_letters(cloud: Cloud, batch: ModuleType) -> None:
    assert send(batch, message("A" * 12, new_id("x"))) == []
    (dead,) = dead_letters(cloud)
    assert "key_id" in dead["MessageAttributes"]["reason"]["StringValue"]
    assert cloud.ledger_items() == []


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        (with_data([1.0, 2.0]), "expected shape [-1,3], got shape [1,2]"),
        ({"model": "nope"}, "Request for unknown model: 'nope'"),
        ({"version": "9"}, "version '9'"),
    ],
)
def test_what_can_never_succeed_leaves_a_failed_result(
    cloud: Cloud, batch: ModuleType, key_id: str, changes: dict[str, Any], part: str
) -> None:
    bad, good = new_id("bad"), new_id("good")
    assert send(batch, message(key_id, bad, **changes), message(key_id, good)) == []
    assert result(cloud, bad)["status"] == "failed"
    assert part in result(cloud, bad)["error"]
    assert result(cloud, good)["status"] == "succeeded"
    assert len(cloud.ledger_items()) == 1
    assert dead_letters(cloud) == []


def test_a_redelivery_is_billed_once(cloud: Cloud, batch: ModuleType, key_id: str) -> None:
    id_ = new_id("x")
    send(batch, message(key_id, id_))
    first = result(cloud, id_)
    assert send(cloud.function("batch"), message(key_id, id_)) == []
    assert result(cloud, id_) == first
    assert len(cloud.ledger_items()) == 1


def test_without_an_id_the_message_is_its_own(cloud: Cloud, batch: ModuleType, key_id: str) -> None:
    send(batch, message(key_id), message(key_id))
    assert len(cloud.ledger_items()) == 2


def test_an_id_used_for_another_request(cloud: Cloud, batch: ModuleType, key_id: str) -> None:
    id_ = new_id("x")
    send(batch, message(key_id, id_))
    assert send(batch, message(key_id, id_, **with_data([9.0, 9.0, 9.0]))) == []
    assert result(cloud, id_)["status"] == "succeeded"
    (dead,) = dead_letters(cloud)
    assert "another request" in dead["MessageAttributes"]["reason"]["StringValue"]
    assert len(cloud.ledger_items()) == 1


def test_what_may_succeed_later_is_delivered_again(
    cloud: Cloud, batch: ModuleType, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(batch.wiring.ledger._client, "put_item", refuse)
        patched.setattr(batch.wiring.spool._client, "send_message", refuse)
        assert send(batch, message(key_id, new_id("x")), "not JSON") == ["m0"]
    assert cloud.ledger_items() == []
    assert send(batch, message(key_id, new_id("x"))) == []
    assert len(cloud.ledger_items()) == 1


def test_what_the_spool_took_is_not_delivered_again(
    cloud: Cloud, batch: ModuleType, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = new_id("x")
    monkeypatch.setattr(batch.wiring.ledger._client, "put_item", refuse)
    assert send(batch, message(key_id, id_)) == []
    assert result(cloud, id_)["status"] == "succeeded"
    (waiting,) = boto3.client("sqs").receive_message(QueueUrl=cloud.resources.spool_queue)[
        "Messages"
    ]
    assert id_ in waiting["Body"]


def test_a_batch_of_several_tenants_keeps_them_apart(
    cloud: Cloud, batch: ModuleType, key_id: str
) -> None:
    other = cloud.wiring.key_administration.create("umbrella").id
    id_ = new_id("same")
    send(batch, message(key_id, id_), message(other, id_, **with_data([0.0, 0.0, 0.0])))
    mine, theirs = result(cloud, id_), result(cloud, id_, "umbrella")
    assert mine["response"]["outputs"][0]["data"] == pytest.approx([2.1, 1.7])
    assert theirs["response"]["outputs"][0]["data"] == pytest.approx([0.5, -0.5])
    assert len(cloud.ledger_items()) == 2


def test_a_defect_strikes_one_message_alone(
    cloud: Cloud, batch: ModuleType, key_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison, good = new_id("poison"), new_id("good")
    write = batch.consumer._results.write

    def strike(tenant: str, request_id: Any, *rest: Any) -> None:
        if request_id.text == poison:
            raise ZeroDivisionError
        write(tenant, request_id, *rest)

    monkeypatch.setattr(batch.consumer._results, "write", strike)
    assert send(batch, message(key_id, poison), message(key_id, good)) == ["m0"]
    assert result(cloud, good)["status"] == "succeeded"
    assert len(cloud.ledger_items()) == 1


def test_an_id_that_was_charged_over_http_is_no_message_s(site: Site) -> None:
    id_, tensors = new_id("http"), with_data(ROW)["request"]
    raw = orjson.dumps(tensors, option=orjson.OPT_SORT_KEYS)
    assert site.ask(body=raw, headers={"idempotency-key": id_}).status == 200
    assert send(site.cloud.function("batch"), message(site.key.id, id_, request=tensors)) == []
    assert len(site.charges()) == 1
    answered = result(site.cloud, id_)
    assert (answered["status"], "another request" in answered["error"]) == ("failed", True)
