"""The pipeline's events through the real handler, over moto."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from infermeter.errors import GateNotPassed, MalformedEvent, UnknownVersion, VerificationFailed
from infermeter.manifest import MANIFEST_FILE, MODEL_FILE, Gate, Manifest
from tests.cloud import Cloud, Context
from tests.models import linear, linear_manifest

if TYPE_CHECKING:
    from types import ModuleType

GATED = replace(linear_manifest(), gate=Gate("accuracy", 0.9), metrics={"test": {"accuracy": 0.95}})


@pytest.fixture
def publish(cloud: Cloud) -> ModuleType:
    return cloud.function("publish")


def upload(cloud: Cloud, manifest: Manifest = GATED, model: bytes | None = None) -> str:
    client, prefix = boto3.client("s3"), "jobs/one/output/model/"
    for name, content in {MODEL_FILE: model or linear(), MANIFEST_FILE: manifest.to_json()}.items():
        client.put_object(Bucket=cloud.resources.training_bucket, Key=prefix + name, Body=content)
    return f"s3://{cloud.resources.training_bucket}/{prefix}"


def run(publish: ModuleType, action: str, **fields: Any) -> dict[str, Any]:
    answer: dict[str, Any] = publish.handler({"action": action, **fields}, Context())
    return answer


def test_the_gate_passes(cloud: Cloud, publish: ModuleType) -> None:
    answer = run(publish, "gate", artifact=upload(cloud))
    assert answer["passed"] is True
    assert (answer["metric"], answer["value"], answer["threshold"]) == ("accuracy", 0.95, 0.9)


def test_the_gate_holds_back(cloud: Cloud, publish: ModuleType) -> None:
    poor = replace(GATED, metrics={"test": {"accuracy": 0.5}})
    answer = run(publish, "gate", artifact=upload(cloud, poor))
    assert answer["passed"] is False
    assert "expected test accuracy at least 0.9, got 0.5" in answer["reason"]


def test_publish_then_promote(cloud: Cloud, publish: ModuleType) -> None:
    lineage = {"job": "one"}
    published = run(publish, "publish", artifact=upload(cloud), name="named", lineage=lineage)
    assert (published["model"], published["version"]) == ("named", "1")
    run(publish, "promote", model="named", version="1", alias="prod")
    record = cloud.wiring.registry.model("named")
    assert record is not None
    assert record.aliases == {"prod": "1"}
    manifest = cloud.wiring.service.models.manifest(record.versions["1"])
    assert manifest.lineage["job"] == "one"


def test_a_retried_publication_gives_the_same_version(cloud: Cloud, publish: ModuleType) -> None:
    artifact = upload(cloud)
    answers = [run(publish, "publish", artifact=artifact) for _ in range(2)]
    assert answers[0] == answers[1]


def test_publish_is_gated_too(cloud: Cloud, publish: ModuleType) -> None:
    poor = replace(GATED, metrics={"test": {"accuracy": 0.5}})
    with pytest.raises(GateNotPassed):
        run(publish, "publish", artifact=upload(cloud, poor))
    assert cloud.wiring.registry.models() == []


def test_a_file_that_is_not_what_was_exported(cloud: Cloud, publish: ModuleType) -> None:
    with pytest.raises(VerificationFailed, match=r"model\.onnx"):
        run(publish, "publish", artifact=upload(cloud, model=linear() + b"\0"))
    assert cloud.wiring.registry.models() == []


def test_an_alias_needs_a_version(publish: ModuleType) -> None:
    with pytest.raises(UnknownVersion):
        run(publish, "promote", model="linear", version="9", alias="prod")


@pytest.mark.parametrize(
    ("action", "part"), [("dance", "gate, publish, promote"), ("gate", "artifact")]
)
def test_an_event_that_lacks_something(publish: ModuleType, action: str, part: str) -> None:
    with pytest.raises(MalformedEvent, match=part):
        run(publish, action)


@pytest.mark.parametrize("field", ["model", "version", "alias"])
def test_a_promotion_is_of_text(publish: ModuleType, field: str) -> None:
    event = {"model": "linear", "version": "1", "alias": "prod"} | {field: 1}
    with pytest.raises(MalformedEvent, match=f"{field}: expected text in the event, got 1"):
        run(publish, "promote", **event)
