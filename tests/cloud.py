"""An AWS account in the process: moto, the deployed resources, the real handlers over it."""

from __future__ import annotations

import importlib.util
import json
import time
import uuid
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from infermeter.adapters.artifacts import FolderArtifact
from infermeter.wiring.operator import OperatorWiring
from infermeter.wiring.resources import Resources
from tests.models import linear, linear_manifest, write_artifact

if TYPE_CHECKING:
    from types import ModuleType

    import pytest

REGION = "eu-west-1"
ACCESS_LOG, FUNCTION_LOG = "access", "function"
ROOT = Path(__file__).parents[1]


class Context:
    """A Lambda context with time left."""

    function_name = "test"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:test"
    aws_request_id = "request"

    def __init__(self, remaining_ms: int = 29_000) -> None:
        self.remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass
class Cloud:
    """The account's resources, the core over them, and its functions."""

    resources: Resources
    wiring: OperatorWiring
    queue_url: str
    monkeypatch: pytest.MonkeyPatch

    def function(self, name: str) -> ModuleType:
        """A fresh import of a handler, as a new execution environment makes it."""
        for field in fields(self.resources):
            value = getattr(self.resources, field.name)
            self.monkeypatch.setenv(f"INFERMETER_{field.name.upper()}", value)
        path = ROOT / "functions" / name / "handler.py"
        spec = importlib.util.spec_from_file_location(f"{name}_handler_{uuid.uuid4().hex}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def publish_linear(self, folder: Path, alias: str = "prod", **changes: Any) -> str:
        """Publishes the linear model; its version."""
        write_artifact(folder, linear(**changes), linear_manifest(**changes))
        version = self.wiring.publisher.publish(FolderArtifact(folder))
        self.wiring.publisher.promote(version.model, version.version, alias)
        return version.version

    def ledger_items(self) -> list[dict[str, Any]]:
        """Everything in the ledger table."""
        client = self.wiring.clients.dynamodb()
        return client.scan(TableName=self.resources.ledger_table)["Items"]


def make_cloud(monkeypatch: pytest.MonkeyPatch, export: str | None = None) -> Cloud:
    """Creates the resources in a running moto; `export` is the content of the export secret."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "POWERTOOLS_SERVICE_NAME": "test",
        "POWERTOOLS_METRICS_NAMESPACE": "infermeter",
        "POWERTOOLS_DEV": "false",
    }.items():
        monkeypatch.setenv(name, value)
    dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
    for table in ("control", "limits", "registry", "statistics", "usage"):
        _table(dynamodb, table)
    _ledger(dynamodb)
    for bucket in ("archive", "models", "results", "inputs", "training"):
        s3.create_bucket(
            Bucket=f"test-{bucket}", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    sqs, logs = boto3.client("sqs"), boto3.client("logs")
    for group in (ACCESS_LOG, FUNCTION_LOG):
        logs.create_log_group(logGroupName=group)
    secrets = boto3.client("secretsmanager")
    pepper = secrets.create_secret(Name="pepper", SecretString="p" * 64)["ARN"]
    secret = secrets.create_secret(Name="export", SecretString=export)["ARN"] if export else ""
    resources = Resources(
        control_table="control",
        ledger_table="ledger",
        limits_table="limits",
        registry_table="registry",
        statistics_table="statistics",
        usage_table="usage",
        archive_bucket="test-archive",
        inputs_bucket="test-inputs",
        models_bucket="test-models",
        results_bucket="test-results",
        training_bucket="test-training",
        pepper_secret=pepper,
        export_secret=secret,
        dead_letter_queue=sqs.create_queue(QueueName="dead")["QueueUrl"],
        spool_queue=sqs.create_queue(QueueName="spool")["QueueUrl"],
        access_log=ACCESS_LOG,
        function_log=FUNCTION_LOG,
    )
    queue_url = sqs.create_queue(QueueName="batch")["QueueUrl"]
    return Cloud(resources, OperatorWiring(resources), queue_url, monkeypatch)


def proxy_event(
    method: str,
    path: str,
    *,
    body: str | dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    request_id: str | None = None,
    base64: bool = False,
) -> dict[str, Any]:
    """An API Gateway REST proxy event."""
    headers = headers or {}
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "requestContext": {
            "requestId": request_id or str(uuid.uuid4()),
            "requestTimeEpoch": int(time.time() * 1000),
            "httpMethod": method,
            "path": f"/live{path}",
            "stage": "live",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": json.dumps(body) if isinstance(body, dict) else body,
        "isBase64Encoded": base64,
    }


def _ledger(client: Any) -> None:
    client.create_table(
        TableName="ledger",
        KeySchema=_KEYS,
        AttributeDefinitions=_strings("pk", "sk", "g1pk"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": "commit-hour",
                "KeySchema": [{"AttributeName": "g1pk", "KeyType": "HASH"}, _KEYS[1]],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )


def _table(client: Any, name: str) -> None:
    client.create_table(
        TableName=name,
        KeySchema=_KEYS,
        AttributeDefinitions=_strings("pk", "sk"),
        BillingMode="PAY_PER_REQUEST",
    )


def _strings(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": "S"} for name in names]


_KEYS = [
    {"AttributeName": "pk", "KeyType": "HASH"},
    {"AttributeName": "sk", "KeyType": "RANGE"},
]
