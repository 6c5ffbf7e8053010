"""API Gateway events through the real handler, over moto."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import pytest
import tritonclient.http as triton
from botocore.exceptions import EndpointConnectionError

from infermeter.metering.ids import derive_id
from tests.cloud import Cloud, Context, proxy_event
from tests.models import BIAS, WEIGHTS

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

INFER = "/v2/models/linear/infer"
ROWS = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
EXPECTED = np.array(ROWS, np.float32) @ WEIGHTS + BIAS


def document(rows: list[Any] = ROWS, **changes: Any) -> dict[str, Any]:
    tensor = {"name": "x", "datatype": "FP32", "shape": [len(rows), len(rows[0])], "data": rows}
    return {"inputs": [{**tensor, **changes}]}


@pytest.fixture
def infer(cloud: Cloud, tmp_path: Path) -> ModuleType:
    cloud.publish_linear(tmp_path / "first")
    return cloud.function("infer")


@pytest.fixture
def key(cloud: Cloud) -> str:
    return cloud.wiring.key_administration.create("acme").text()


def call(
    infer: ModuleType,
    key: str | None,
    body: Any = None,
    *,
    method: str = "POST",
    path: str = INFER,
    context: Context | None = None,
    **headers: str,
) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        named["x-api-key"] = key
    event = proxy_event(method, path, body=document() if body is None else body, headers=named)
    answer: dict[str, Any] = infer.handler(event, context or Context())
    return answer


def assert_refused(cloud: Cloud, answer: dict[str, Any], status: int, *parts: str) -> None:
    body = json.loads(answer["body"])
    assert answer["statusCode"] == status, body
    assert list(body) == ["error"]
    assert answer["headers"]["content-type"] == "application/json"
    for part in parts:
        assert part in body["error"]
    assert cloud.ledger_items() == []


def cut_off(infer: ModuleType, monkeypatch: pytest.MonkeyPatch, *stores: str) -> None:
    """The function's ledger, and its spool, do not answer any more."""

    def refuse(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="store")

    calls = {"ledger": "put_item", "spool": "send_message"}
    for store in stores:
        monkeypatch.setattr(getattr(infer.wiring, store)._client, calls[store], refuse)


def test_json_in_json_out(infer: ModuleType, key: str) -> None:
    answer = call(infer, key)
    body = json.loads(answer["body"])
    assert (body["model_name"], body["model_version"]) == ("linear", "1")
    assert "id" not in body
    np.testing.assert_allclose(body["outputs"][0]["data"], EXPECTED.ravel(), rtol=1e-6)


def test_the_answer_says_what_was_billed(infer: ModuleType, key: str) -> None:
    headers = call(infer, key)["headers"]
    assert headers["infermeter-units"] == "2"
    assert headers["infermeter-billed"] == "new"
    assert headers["infermeter-model-version"] == "1"
    assert headers["infermeter-cold-start"] == "true"
    assert {part.split(";")[0] for part in headers["server-timing"].split(", ")} >= {
        "auth",
        "load",
        "infer",
        "meter",
    }


def test_only_the_first_answer_of_an_environment_is_cold(infer: ModuleType, key: str) -> None:
    answers = [call(infer, key) for _ in range(2)]
    cold = [answer["headers"]["infermeter-cold-start"] for answer in answers]
    assert cold == ["true", "false"]


def test_a_bearer_token_is_a_key_too(infer: ModuleType, key: str) -> None:
    assert call(infer, None, Authorization=f"Bearer {key}")["statusCode"] == 200


def test_the_id_is_echoed(infer: ModuleType, key: str) -> None:
    answer = call(infer, key, {**document(), "id": "żółć"})
    assert json.loads(answer["body"])["id"] == "żółć"


def test_tritonclient_asks_for_binary_and_gets_it(infer: ModuleType, key: str) -> None:
    tensor = triton.InferInput("x", [2, 3], "FP32")
    tensor.set_data_from_numpy(np.array(ROWS, np.float32))
    body, length = triton.InferenceServerClient.generate_request_body([tensor])
    event = proxy_event(
        "POST",
        INFER,
        body=base64.b64encode(body).decode(),
        headers={"x-api-key": key, "Inference-Header-Content-Length": str(length)},
        base64=True,
    )
    answer = infer.handler(event, Context())
    assert answer["isBase64Encoded"]
    result = triton.InferenceServerClient.parse_response_body(
        base64.b64decode(answer["body"]),
        header_length=int(answer["headers"]["Inference-Header-Content-Length"]),
    )
    np.testing.assert_allclose(result.as_numpy("y"), EXPECTED, rtol=1e-6)


def test_who_sends_the_length_in_the_type_reads_it_there(infer: ModuleType, key: str) -> None:
    body = json.dumps(document() | {"parameters": {"binary_data_output": True}})
    kind = "application/vnd.sagemaker-triton.binary+json; json-header-size="
    answer = call(infer, key, body, Content_Type=f"{kind}{len(body)}")
    head = len(base64.b64decode(answer["body"])) - 16
    assert answer["headers"]["content-type"] == f"{kind}{head}".replace(" ", "")


def test_no_key(cloud: Cloud, infer: ModuleType) -> None:
    assert_refused(cloud, call(infer, None), 401, "x-api-key", "got neither")


def test_a_mistyped_key(cloud: Cloud, infer: ModuleType, key: str) -> None:
    assert_refused(cloud, call(infer, key[:-1]), 401, "got another form")


def test_a_key_that_was_never_made(cloud: Cloud, infer: ModuleType) -> None:
    from infermeter.tenants.keys import new_key

    assert_refused(cloud, call(infer, new_key().text()), 401, "unknown or revoked")


def test_a_revoked_key(cloud: Cloud, infer: ModuleType, key: str) -> None:
    cloud.wiring.key_administration.revoke(key.split("_")[2])
    assert_refused(cloud, call(infer, key), 401, "unknown or revoked")


@pytest.mark.parametrize(
    ("method", "path", "status", "part"),
    [
        ("POST", "/v2/models/nope/infer", 404, "Request for unknown model: 'nope' is not found"),
        ("POST", "/v2/models/linear/versions/7/infer", 404, "version '7'"),
        ("GET", INFER, 405, "expected POST"),
        ("POST", "/v3", 404, "/v3"),
        ("POST", "/v2/models/a/b/infer", 404, "Not Found"),
    ],
)
def test_what_is_not_there(
    cloud: Cloud, infer: ModuleType, key: str, method: str, path: str, status: int, part: str
) -> None:
    assert_refused(cloud, call(infer, key, method=method, path=path), status, part)


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ("{", ("expected JSON",)),
        ("[]", ("request: expected an object",)),
        ({}, ("inputs: expected a list", "got nothing")),
        (document([[1.0, 2.0]]), ("input 'x'", "shape [-1,3]", "shape [1,2]")),
        (document(datatype="INT64", data=[1, 2, 3, 4, 5, 6]), ("input 'x'", "FP32", "INT64")),
        (document(name="z"), ("input 'z'", "'x'")),
        (document(data=[1.0]), ("input 'x'", "6 elements", "got 1")),
        (document(data=["a"] * 6), ("input 'x'", "FP32 numbers", "got a string")),
        (document(shape=[-2, 3]), ("input 'x'", "sizes of 0 or more")),
        (document(shape=[1 << 60, 1 << 60]), ("input 'x'", "elements")),
        ({**document(), "outputs": [{"name": "q"}]}, ("outputs[0].name", "'y'", "'q'")),
    ],
)
def test_bad_input_names_the_field(
    cloud: Cloud, infer: ModuleType, key: str, body: Any, parts: tuple[str, ...]
) -> None:
    assert_refused(cloud, call(infer, key, body), 400, *parts)


def test_one_id_is_billed_once(cloud: Cloud, infer: ModuleType, key: str) -> None:
    answers = [call(infer, key, Idempotency_Key="mine") for _ in range(3)]
    assert [each["headers"]["infermeter-billed"] for each in answers] == ["new", "replay", "replay"]
    assert len({each["body"] for each in answers}) == 1
    assert len(cloud.ledger_items()) == 1


def test_a_retry_with_a_rotated_key_is_still_a_retry(
    cloud: Cloud, infer: ModuleType, key: str
) -> None:
    other = cloud.wiring.key_administration.create("acme").text()
    call(infer, key, Idempotency_Key="mine")
    assert call(infer, other, Idempotency_Key="mine")["headers"]["infermeter-billed"] == "replay"


def test_tenants_do_not_share_ids(cloud: Cloud, infer: ModuleType, key: str) -> None:
    other = cloud.wiring.key_administration.create("umbrella").text()
    call(infer, key, Idempotency_Key="mine")
    assert call(infer, other, Idempotency_Key="mine")["headers"]["infermeter-billed"] == "new"


def test_an_id_used_for_another_body(cloud: Cloud, infer: ModuleType, key: str) -> None:
    call(infer, key, Idempotency_Key="mine")
    answer = call(infer, key, document(ROWS[:1]), Idempotency_Key="mine")
    assert answer["statusCode"] == 422
    assert len(cloud.ledger_items()) == 1


@pytest.mark.parametrize("age_s", [25 * 3600, -600])
def test_an_id_from_outside_the_window(
    cloud: Cloud, infer: ModuleType, key: str, age_s: int
) -> None:
    stale = derive_id(int((time.time() - age_s) * 1000), "seed").text
    assert_refused(cloud, call(infer, key, Idempotency_Key=stale), 422, stale)


def test_a_replay_is_answered_by_the_recorded_version(
    cloud: Cloud, infer: ModuleType, key: str, tmp_path: Path
) -> None:
    first = call(infer, key, Idempotency_Key="mine")
    cloud.publish_linear(tmp_path / "second", bias=BIAS + 1)
    later = cloud.function("infer")
    assert call(later, key)["headers"]["infermeter-model-version"] == "2"
    again = call(later, key, Idempotency_Key="mine")
    assert again["headers"]["infermeter-model-version"] == "1"
    assert again["body"] == first["body"]


def test_too_late_to_answer_is_not_billed(cloud: Cloud, infer: ModuleType, key: str) -> None:
    answer = call(infer, key, context=Context(remaining_ms=1000))
    assert_refused(cloud, answer, 504, "this attempt was not billed")


def test_while_the_ledger_does_not_answer_a_charge_waits_in_the_spool(
    cloud: Cloud, infer: ModuleType, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(infer, monkeypatch, "ledger")
    answer = call(infer, key)
    assert answer["statusCode"] == 200
    assert answer["headers"]["infermeter-billed"] == "pending"
    assert answer["headers"]["infermeter-units"] == "2"
    assert cloud.ledger_items() == []
    spool = boto3.client("sqs")
    (waiting,) = spool.receive_message(QueueUrl=cloud.resources.spool_queue)["Messages"]
    assert answer["headers"]["x-request-id"] in waiting["Body"]


def test_without_ledger_and_spool_the_answer_is_withheld(
    cloud: Cloud, infer: ModuleType, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off(infer, monkeypatch, "ledger", "spool")
    answer = call(infer, key)
    assert_refused(cloud, answer, 503, "the answer is withheld", "billed once at most")
    assert answer["headers"]["retry-after"] == "1"


def test_a_defect_of_ours_shows_no_trace(
    cloud: Cloud, infer: ModuleType, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a secret of the implementation")

    monkeypatch.setattr(infer.application, "handle", break_down)
    answer = call(infer, key)
    assert_refused(cloud, answer, 500, "internal error")
    assert "secret" not in answer["body"]


def test_a_charged_answer_is_given_though_its_log_fails(
    infer: ModuleType, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("the log is full")

    monkeypatch.setattr(infer, "record_exchange", fail)
    assert call(infer, key)["statusCode"] == 200


def test_an_event_from_elsewhere(cloud: Cloud, infer: ModuleType) -> None:
    assert_refused(cloud, infer.handler({"Records": []}, Context()), 400, "API Gateway")


def test_keys_are_never_logged(
    infer: ModuleType, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    call(infer, key)
    call(infer, key[:-1])
    logged = capsys.readouterr().out
    assert '"tenant":"acme"' in logged
    assert key.split("_")[3] not in logged


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True, "live": True}),
        ("/v2/models", {"models": ["linear"]}),
        ("/v2/models/linear/ready", {"name": "linear", "ready": True}),
    ],
)
def test_reading_routes(infer: ModuleType, key: str, path: str, expected: dict[str, Any]) -> None:
    answer = call(infer, key, "", method="GET", path=path)
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, expected)


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_the_server_says_what_it_speaks(infer: ModuleType, path: str) -> None:
    body = json.loads(call(infer, None, "", method="GET", path=path)["body"])
    assert body["name"] == "infermeter"
    assert "binary_tensor_data" in body["extensions"]


@pytest.mark.parametrize("version", ["", "/versions/1", "/versions/prod"])
def test_model_metadata(infer: ModuleType, key: str, version: str) -> None:
    answer = call(infer, key, "", method="GET", path=f"/v2/models/linear{version}")
    body = json.loads(answer["body"])
    assert body["versions"] == ["1"]
    assert body["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]
    assert body["outputs"] == [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}]
