"""Each sample in `events/` runs through its handler."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from infermeter.adapters.artifacts import HeldArtifact
from infermeter.manifest import MANIFEST_FILE, MODEL_FILE
from infermeter.registry.inspection import inspect
from infra.cli.events import UnsetVariable, expand
from tests.cloud import ROOT, Cloud, Context

if TYPE_CHECKING:
    from infermeter.tenants.keys import Key

EVENTS = sorted((ROOT / "events").glob("*.json"))


@pytest.fixture
def key(cloud: Cloud) -> Key:
    """A key, and a model as the samples want it."""
    shape = ["n", 10]
    graph = helper.make_graph(
        [helper.make_node("Softmax", ["features"], ["probabilities"])],
        "tabular",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, shape)],
    )
    opset = [helper.make_opsetid("", 20)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opset, ir_version=10)
    content = model.SerializeToString()
    manifest = inspect(content, "tabular", cloud.wiring.runtime)
    files = {MODEL_FILE: content, MANIFEST_FILE: manifest.to_json()}
    version = cloud.wiring.publisher.publish(HeldArtifact(files))
    cloud.wiring.publisher.promote("tabular", version.version, "prod")
    for name, body in files.items():
        boto3.client("s3").put_object(
            Bucket=cloud.resources.training_bucket, Key=f"jobs/one/{name}", Body=body
        )
    return cloud.wiring.key_administration.create("acme")


def run(cloud: Cloud, key: Key, name: str) -> Any:
    variables = {
        "INFERMETER_KEY": key.text(),
        "INFERMETER_KEY_ID": key.id,
        "ARTIFACT": f"s3://{cloud.resources.training_bucket}/jobs/one/",
    }
    event = expand((ROOT / "events" / f"{name}.json").read_text(), variables)
    return cloud.function(name).handler(event, Context())


def test_there_is_a_sample_for_each_function() -> None:
    functions = {path.parent.name for path in ROOT.glob("functions/*/handler.py")}
    assert {path.stem for path in EVENTS} == functions


def test_infer(cloud: Cloud, key: Key) -> None:
    answer = run(cloud, key, "infer")
    assert answer["statusCode"] == 200
    data = json.loads(answer["body"])["outputs"][0]["data"]
    assert int(np.argmax(data)) == 9


def test_batch(cloud: Cloud, key: Key) -> None:
    assert run(cloud, key, "batch") == {"batchItemFailures": []}
    assert sorted(int(item["u"]["N"]) for item in cloud.ledger_items()) == [1, 2]


def test_publish(cloud: Cloud, key: Key) -> None:
    assert run(cloud, key, "publish")["passed"] is True


def test_spool(cloud: Cloud, key: Key) -> None:
    (failure,) = run(cloud, key, "spool")["batchItemFailures"]
    assert failure["itemIdentifier"].endswith("-2")
    assert [item["u"]["N"] for item in cloud.ledger_items()] == ["2"]


def test_archive(cloud: Cloud, key: Key) -> None:
    assert run(cloud, key, "archive") == {"batchItemFailures": []}
    archived = boto3.client("s3").list_objects_v2(Bucket=cloud.resources.archive_bucket)
    # Of an hour long gone: in an open one, what the table does not have would keep it from a seal.
    (key_of_it,) = (each["Key"] for each in archived["Contents"])
    assert key_of_it.startswith("ledger/dt=2026-09-21/hour=14/")


def test_fold(cloud: Cloud, key: Key) -> None:
    report = run(cloud, key, "fold")
    empty: dict[str, list[Any]] = {"sealed": [], "open": [], "disagreements": [], "failures": []}
    assert report == empty | {"statements": []}


def test_export(cloud: Cloud, key: Key) -> None:
    assert run(cloud, key, "export") == {"targets": []}


def test_usage(cloud: Cloud, key: Key) -> None:
    run(cloud, key, "infer")
    answer = run(cloud, key, "usage")
    assert answer["statusCode"] == 200
    (row,) = json.loads(answer["body"])["data"]
    assert (row["key_id"], row["requests"], row["units"]) == (key.id, 1, 1)


def test_reconcile(cloud: Cloud, key: Key) -> None:
    assert run(cloud, key, "reconcile")["findings"] == []


def test_an_unset_variable_is_named() -> None:
    with pytest.raises(UnsetVariable, match="INFERMETER_KEY"):
        expand('{"key": "${INFERMETER_KEY}"}', {})


def test_values_are_quoted() -> None:
    assert expand('{"a": "${A}"}', {"A": 'x"y'}) == {"a": 'x"y'}
