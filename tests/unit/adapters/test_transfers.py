"""Large tensors in S3."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from infermeter.adapters.transfers import S3Answers, S3Inputs, answer_key
from infermeter.errors import StoreUnavailable, TooLarge
from infermeter.inference import InferenceRequest
from infermeter.metering.ids import Channel, derive_id
from infermeter.service import Call
from infermeter.tenants.authentication import Principal
from tests.cloud import REGION

if TYPE_CHECKING:
    from tests.cloud import Cloud

CALL = Call(
    principal=Principal("acme", "key"),
    request_id=derive_id(1_790_000_000_000, "seed"),
    model="m",
    version=None,
    request=InferenceRequest(()),
    payload_hash="hash",
    channel=Channel.HTTP,
    bytes_in=0,
    deadline=0.0,
)


@pytest.fixture
def inputs(cloud: Cloud) -> S3Inputs:
    return S3Inputs(cloud.wiring.clients.s3(), cloud.resources.inputs_bucket)


@pytest.fixture
def answers(cloud: Cloud) -> S3Answers:
    return S3Answers(cloud.wiring.clients.s3(), cloud.resources.results_bucket)


def put(bucket: str, key: str, content: bytes) -> None:
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content)


def test_an_uploads_size_and_novelty_are_signed(inputs: S3Inputs) -> None:
    signed = inputs.sign_put("acme/uploads/1", 20, 900)
    query = parse_qs(urlsplit(signed.url).query)
    names = query["X-Amz-SignedHeaders"][0].split(";")
    assert set(signed.headers) == {"content-length", "if-none-match"} == set(names) - {"host"}
    assert signed.headers == {"content-length": "20", "if-none-match": "*"}
    assert query["X-Amz-Expires"] == ["900"]


def test_a_signed_url_names_the_buckets_own_region(inputs: S3Inputs, answers: S3Answers) -> None:
    for url in (inputs.sign_put("acme/1", 1, 900).url, answers.sign_get(CALL, "1", 3600)):
        assert urlsplit(url).netloc.endswith(f".s3.{REGION}.amazonaws.com")


def test_an_object_is_read(inputs: S3Inputs) -> None:
    put(inputs.bucket, "acme/1", b"content")
    assert inputs.read("acme/1", 7) == b"content"


def test_where_nothing_lies_nothing_is_read(inputs: S3Inputs) -> None:
    assert inputs.read("acme/1", 7) is None


def test_an_object_over_the_limit_is_refused(inputs: S3Inputs) -> None:
    put(inputs.bucket, "acme/1", b"content")
    with pytest.raises(TooLarge, match="at most 6 bytes, got 7"):
        inputs.read("acme/1", 6)


def test_without_s3_a_retry_may_succeed(inputs: S3Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="s3")

    monkeypatch.setattr(inputs._client, "get_object", down)
    with pytest.raises(StoreUnavailable, match="inputs bucket"):
        inputs.read("acme/1", 7)


def test_the_first_answer_stands(cloud: Cloud, answers: S3Answers) -> None:
    answers.put(CALL, "1", b"first")
    answers.put(CALL, "1", b"second")
    found = boto3.client("s3").get_object(
        Bucket=cloud.resources.results_bucket, Key=answer_key(CALL, "1")
    )
    assert found["Body"].read() == b"first"


def test_an_answer_lies_beside_its_requests_result() -> None:
    key = answer_key(CALL, "3")
    assert key == f"acme/2026/09/21/{CALL.request_id.text}.3.hash.bin"


def test_versions_payloads_and_tenants_have_answers_of_their_own() -> None:
    keys = {
        answer_key(CALL, "1"),
        answer_key(CALL, "2"),
        answer_key(replace(CALL, payload_hash="other"), "1"),
        answer_key(replace(CALL, principal=Principal("umbrella", "key")), "1"),
    }
    assert len(keys) == 4
