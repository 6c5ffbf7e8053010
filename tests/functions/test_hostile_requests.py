"""Requests that try to break the inference function: each has its answer, and costs nothing."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from infermeter.adapters.artifacts import FolderArtifact
from infermeter.tenants.keys import new_key
from tests.cloud import proxy_event
from tests.functions.site import ROWS, Site
from tests.models import text_encoder, write_artifact

if TYPE_CHECKING:
    from collections.abc import Callable


def one(**changes: Any) -> dict[str, Any]:
    return {"inputs": [ROWS | changes]}


WRONG: list[tuple[Any, str]] = [
    ("", "expected JSON"),
    ('{"inputs":[NaN]}', "expected JSON"),
    ('{"inputs":[1e999]}', "expected JSON"),
    ("[" * 250_000, "expected JSON"),
    ('{"inputs":[' + "[" * 120 + "]" * 120 + "]}", "depth of at most 100"),
    ('{"inputs":[' + "[" * 90 + "]" * 90 + "]}", "inputs[0]: expected an object"),
    ({"inputs": []}, "inputs: expected at least one tensor, got none"),
    ({"inputs": [ROWS, ROWS]}, "input 'x': expected the input once, got it twice"),
    (one(shape=[0, 2**63], data=[]), "input 'x': expected at most"),
    (one(shape=[0, *[2**26] * 20], data=[]), "input 'x': expected at most"),
    (one(datatype="FP31"), "input 'x': expected datatype, one of BOOL"),
    (one(data=[1, 2, 3, 4, 5, True]), "input 'x': expected FP32 numbers, got a boolean"),
    (one(data=["x" * 10**6, *[1] * 5]), "input 'x': expected FP32 numbers, got a string"),
    (one(data=[[[1]]] * 6), "input 'x': expected data flat or nested as [2,3]"),
    (one(data={}), "input 'x': expected data as a list, got an object"),
    (one() | {"outputs": [{"name": "y"}] * 2}, "already exists in request"),
    (one() | {"parameters": []}, "parameters: expected an object, got []"),
    (one() | {"id": 5}, "id: expected a string"),
]


def test_no_body_breaks_the_environment(site: Site) -> None:
    for body, words in WRONG:
        answer = site.ask(body=body)
        assert answer.status == 400, words
        assert words in answer.error
    assert not site.charges()
    assert site.ask().status == 200


LONG = '"' * 3_000_000


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v2/models/linear/infer", one(name=LONG), 400),
        ("/v2/models/linear/infer", one() | {"outputs": [{"name": LONG}]}, 400),
        ("/v2/models/linear/infer", one() | {"parameters": {LONG: []}}, 400),
        ("/v2/repository/models/linear/load", {"parameters": {LONG: 1}}, 400),
        ("/v1/embeddings", {"model": LONG, "input": "a"}, 404),
        ("/v1/embeddings", {"model": f"linear:{LONG}", "input": "a"}, 404),
    ],
)
def test_no_answer_is_too_long_for_repeating_what_came(
    site: Site, path: str, body: Any, status: int, printed: Callable[[], list[str]]
) -> None:
    printed()
    answer = site.ask(path=path, body=body)
    assert answer.status == status
    assert len(answer.body) < 10_000
    assert all(len(line) < 20_000 for line in printed())


LENGTHS = ["abc", "+-5", "-1", "9999", "99999999999", "9" * 5000, "", "²"]


def test_no_json_length_breaks_the_environment(site: Site) -> None:
    for length in LENGTHS:
        answer = site.ask(headers={"inference-header-content-length": length})
        assert answer.status == 400, length
        assert "header" in answer.error.lower()
    assert not site.charges()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", f"/v2/models/{'x' * 3000}/infer", 404),
        ("POST", "/v2/models/a%20b/infer", 404),
        ("POST", "/v2/models/a%2Fb/infer", 404),
        ("POST", "/v2/models/%00/infer", 404),
        ("POST", "/v2/models/linear%0A/infer", 404),
        ("POST", f"/v2/models/linear/versions/{'9' * 3000}/infer", 404),
        ("POST", "/v2/models/stats", 405),
        ("POST", "/v2/models/linear/generate", 501),
        ("GET", "/v2/systemsharedmemory/status", 501),
        ("OPTIONS", "/v2/models/linear/infer", 405),
        ("BREW", "/v2", 405),
    ],
)
def test_no_path_breaks_the_environment(site: Site, method: str, path: str, status: int) -> None:
    answer = site.ask(method, path)
    assert answer.status == status
    assert answer.error


KEYS = ["", " ", "nonsense", "im_live_a_b_c", "ż" * 70, "x" * 9000, new_key().text() + "\n"]


def test_no_key_that_is_none_is_let_in(site: Site) -> None:
    for key in KEYS:
        answer = site.ask(headers={"x-api-key": key})
        assert answer.status == 401, key
        assert not key.strip() or key not in answer.error
    assert not site.charges()


@pytest.mark.parametrize("key", ["a b", "x" * 129, "ż", "", "a\r\nset-cookie: b"])
def test_no_id_that_is_none_is_accepted(site: Site, key: str) -> None:
    answer = site.ask(headers={"Idempotency-Key": key})
    assert answer.status == 422
    assert answer.headers["x-request-id"].isprintable()
    assert not site.charges()


def test_the_same_bytes_as_many_rows_are_no_replay_of_one_raw_row(site: Site) -> None:
    model, manifest = text_encoder()
    artifact = FolderArtifact(write_artifact(site.folder / "text", model, manifest))
    site.cloud.wiring.publisher.publish(artifact)
    texts = {"name": "text", "shape": [50], "datatype": "BYTES", "data": ["a"] * 50}
    path, headers = "/v2/models/text-encoder/versions/1/infer", {"Idempotency-Key": "mine"}
    raw = headers | {"inference-header-content-length": "0"}
    assert site.ask(path=path, body={"inputs": [texts]}, headers=raw).status == 200
    assert site.ask(path=path, body={"inputs": [texts]}, headers=headers).status == 422
    assert [charge["u"] for charge in site.charges()] == [{"N": "1"}]


def test_the_same_id_for_another_version_is_refused(site: Site) -> None:
    headers = {"Idempotency-Key": "order-17"}
    site.ask(headers=headers)
    answer = site.ask(path="/v2/models/linear/versions/1/infer", headers=headers)
    assert answer.status == 422
    assert len(site.charges()) == 1


def test_text_that_is_not_utf8_is_refused(site: Site) -> None:
    item = {"name": "x", "shape": [1, 2], "datatype": "BYTES"}
    head = orjson.dumps({"inputs": [item | {"parameters": {"binary_data_size": 10}}]})
    raw = struct.pack("<I", 1) + b"\xff" + struct.pack("<I", 1) + b"a"
    path = f"/v2/models/{site.publish_identity('BYTES')}/infer"
    headers = {"inference-header-content-length": str(len(head))}
    answer = site.ask(path=path, body=head + raw, headers=headers)
    assert answer.status == 400
    assert "'x': expected text in UTF-8" in answer.error
    assert not site.charges()


def test_an_answer_over_the_limit_once_escaped_is_put_aside(site: Site) -> None:
    # 3.2 MB of JSON, which Lambda's own JSON around it makes 6.4 MB.
    item = {"name": "x", "shape": [1, 2], "datatype": "BYTES", "data": ['"' * 1_600_000, ""]}
    path = f"/v2/models/{site.publish_identity('BYTES')}/infer"
    answer = site.ask(path=path, body={"inputs": [item]})
    assert answer.status == 200
    document = orjson.loads(answer.body)
    assert document["parameters"]["output_bytes"] == 1_600_000 + 8
    assert "data" not in document["outputs"][0]


@pytest.mark.parametrize(
    "damage",
    [
        {"requestContext": {}},
        {"headers": ["a"], "multiValueHeaders": None},
        {"body": "%", "isBase64Encoded": True},
        {"path": None},
    ],
)
def test_a_damaged_event_is_refused(site: Site, damage: dict[str, Any]) -> None:
    answer = site.send(proxy_event("GET", "/v2") | damage)
    assert answer.status == 400
    assert "expected an API Gateway proxy event" in answer.error


def test_a_request_that_waited_in_the_gateway_is_late(site: Site) -> None:
    headers = {"x-api-key": site.key.text()}
    event = proxy_event("POST", "/v2/models/linear/infer", body=one(), headers=headers)
    event["requestContext"]["requestTimeEpoch"] -= 27_500
    assert site.send(event).status == 504
    assert not site.charges()


def test_the_same_event_twice_is_charged_once(site: Site) -> None:
    headers = {"x-api-key": site.key.text()}
    event = proxy_event("POST", "/v2/models/linear/infer", body=one(), headers=headers)
    assert [site.send(event).headers["infermeter-billed"] for _ in range(2)] == ["new", "replay"]
    assert len(site.charges()) == 1


def test_a_model_that_was_tampered_with_is_not_served(site: Site) -> None:
    s3, bucket = site.cloud.wiring.clients.s3(), site.cloud.resources.models_bucket
    s3.put_object(Bucket=bucket, Key="models/linear/1/model.onnx", Body=b"other")
    answer = site.ask()
    assert answer.status == 503
    assert "expected SHA-256" in answer.error
    assert not site.charges()


@pytest.mark.parametrize("table", ["control", "registry", "ledger"])
def test_without_a_table_there_is_no_answer(site: Site, table: str) -> None:
    site.cloud.wiring.clients.dynamodb().delete_table(TableName=table)
    # Without the ledger alone, the spool would take the charge.
    site.cloud.wiring.clients.sqs().delete_queue(QueueUrl=site.cloud.resources.spool_queue)
    answer = site.ask()
    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.error


def test_a_body_in_base64_may_be_json(site: Site) -> None:
    body = base64.b64encode(orjson.dumps(one())).decode()
    headers = {"x-api-key": site.key.text()}
    event = proxy_event("POST", "/v2/models/linear/infer", body=body, headers=headers, base64=True)
    assert site.send(event).status == 200


@pytest.mark.parametrize("content_type", ["application/octet-stream", "text/plain", ""])
def test_the_content_type_does_not_matter(site: Site, content_type: str) -> None:
    assert site.ask(headers={"Content-Type": content_type}).status == 200
