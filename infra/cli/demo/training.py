"""Training and publishing, by starting the template's own state machine."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.cli import console
from infra.cli.demo.errors import FellShort
from infra.cli.operations import TRAINING_LOGS

if TYPE_CHECKING:
    from infra.cli.target import Target

RECIPE = "tabular"
ALIAS = "prod"
_POLL_S = 0.3
_SHOWN = ("epoch=", "test_accuracy=")


@dataclass(frozen=True, slots=True)
class Published:
    """The version that came out, the trainer's report, and the test split that it kept aside.

    `features` are rows of ten numbers, as the model takes them; `labels` their classes.
    """

    model: str
    version: str
    digest: str
    report: dict[str, Any]
    features: list[list[float]]
    labels: list[int]


def train_and_publish(target: Target) -> Published:
    """Fills the data channel, starts the state machine and follows it to its end."""
    data = _upload_data(target)
    execution = target.client("stepfunctions").start_execution(
        stateMachineArn=target.output("StateMachine"),
        name=f"demo-{uuid.uuid4().hex[:12]}",
        input=json.dumps(
            {
                "recipe": RECIPE,
                "name": RECIPE,
                "alias": ALIAS,
                "data": data,
                "hyperparameters": {},
            }
        ),
    )
    output = _follow(target, execution["executionArn"])
    published, artifact = output["publish"], output["job"]["artifact"]
    features, labels = _test_split(target, artifact)
    return Published(
        model=published["model"],
        version=published["version"],
        digest=published["digest"],
        report=json.loads(_read(target, artifact, "evaluation/report.json")),
        features=features,
        labels=labels,
    )


def _upload_data(target: Target) -> str:
    """The recipe's bundled data, as the CSV that the job's channel takes; its S3 prefix."""
    from training.data.tables.channel import write_csv
    from training.recipe import load

    bucket, prefix = target.output("TrainingBucket"), f"data/{RECIPE}/"
    with tempfile.TemporaryDirectory() as folder:
        file = write_csv(load(RECIPE, {}), Path(folder))
        target.client("s3").upload_file(str(file), bucket, prefix + file.name)
    return f"s3://{bucket}/{prefix}"


def _follow(target: Target, arn: str) -> dict[str, Any]:
    client, position = target.client("stepfunctions"), 0
    while True:
        execution = client.describe_execution(executionArn=arn)
        position = _show_log(target, arn, position)
        if execution["status"] != "RUNNING":
            break
        time.sleep(_POLL_S)
    if execution["status"] != "SUCCEEDED":
        reason = f"{execution.get('error', '')}: {execution.get('cause', '')}"
        raise FellShort(f"state machine: expected SUCCEEDED, got {execution['status']}, {reason}")
    document: dict[str, Any] = json.loads(execution["output"])
    return document


def _show_log(target: Target, arn: str, position: int) -> int:
    """The job's new lines, so that one sees it learn; how many were seen."""
    name = arn.rsplit(":", 1)[-1]
    client = target.client("logs")
    try:
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=TRAINING_LOGS)
        events = [e for page in pages for e in page["events"] if name in e["logStreamName"]]
    except ClientError:
        return position  # the job has not written yet
    for event in events[position:]:
        if any(part in event["message"] for part in _SHOWN):
            console.note(event["message"].strip())
    return len(events)


def _test_split(target: Target, artifact: str) -> tuple[list[list[float]], list[int]]:
    rows = list(csv.reader(io.StringIO(_read(target, artifact, "evaluation/test.csv"))))[1:]
    features = [[float(value) for value in row[:-1]] for row in rows]
    return features, [int(row[-1]) for row in rows]


def _read(target: Target, artifact: str, path: str) -> str:
    bucket, _, prefix = artifact.removeprefix("s3://").partition("/")
    body = target.client("s3").get_object(Bucket=bucket, Key=prefix + path)["Body"]
    return body.read().decode()
