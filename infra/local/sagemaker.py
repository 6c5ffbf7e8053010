"""SageMaker's training jobs, as far as this project uses them: create, describe, list, stop."""

from __future__ import annotations

import json
import re
import threading
import time
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session
from botocore.validate import ParamValidator

from infra.local.job_data import JobFailed
from infra.local.job_document import JobReport, enter, fail, in_milliseconds
from infra.local.training_job import TrainingJob

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import boto3

_NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
_FINAL = ("Completed", "Failed", "Stopped")
_EXIT_GRACE_S = 5.0
_SUMMARY = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingEndTime",
    "LastModifiedTime",
    "TrainingJobStatus",
    "SecondaryStatus",
)


class ServiceError(Exception):
    """An error answer of the API: its code, and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class _Job:
    document: dict[str, Any]
    stop: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)


class SageMaker:
    """Runs each job in a thread; `session` reaches the other services at `endpoint`."""

    class TaskFailed(Exception):
        """A Step Functions task failed: the error name and cause that AWS gives."""

        def __init__(self, name: str, cause: str) -> None:
            super().__init__(name)
            self.name = name
            self.cause = cause

    def __init__(
        self, session: boto3.Session, endpoint: str, folder: Path, *, account: str, region: str
    ) -> None:
        self._session = session
        self._endpoint = endpoint
        self._folder = folder
        self._arn = f"arn:aws:sagemaker:{region}:{account}:training-job/"
        self._region = region
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "CreateTrainingJob": self.create,
            "DescribeTrainingJob": self.describe,
            "ListTrainingJobs": self.list,
            "StopTrainingJob": self.stop,
        }

    def call(self, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """One request of the JSON 1.1 protocol: HTTP status and document."""
        try:
            return 200, self._operation(operation)(json.loads(body or b"{}"))
        except ServiceError as error:
            return 400, {"__type": error.code, "message": str(error)}

    def _operation(self, name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        if name not in self._operations:
            raise ServiceError("UnknownOperationException", f"{name} is not served here")
        return self._operations[name]

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        self._validate("CreateTrainingJob", request)
        name = request["TrainingJobName"]
        if not re.fullmatch(_NAME, name):
            raise ServiceError(
                "ValidationException",
                f"1 validation error detected: Value '{name}' at 'trainingJobName' failed to "
                "satisfy constraint: Member must satisfy regular expression pattern: " + _NAME,
            )
        now = time.time()
        job = _Job(
            {
                **deepcopy(request),
                "TrainingJobArn": self._arn + name,
                "TrainingJobStatus": "InProgress",
                "SecondaryStatus": "Starting",
                "SecondaryStatusTransitions": [],
                "CreationTime": now,
                "LastModifiedTime": now,
            }
        )
        with self._lock:
            if name in self._jobs:
                raise ServiceError(
                    "ResourceInUse",
                    "Training job names must be unique within an AWS account and region, "
                    f"and a training job with this name already exists ({self._arn}{name})",
                )
            self._jobs[name] = job
        threading.Thread(target=self._run, args=(job,), name=f"job-{name}", daemon=True).start()
        return {"TrainingJobArn": self._arn + name}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        # By way of JSON: a copy in one step, while the job's thread goes on writing.
        document: dict[str, Any] = json.loads(json.dumps(self._find(request).document))
        return document

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        self._validate("ListTrainingJobs", request)
        jobs = [job.document for job in self._jobs.values()]
        if wanted := request.get("StatusEquals"):
            jobs = [job for job in jobs if job["TrainingJobStatus"] == wanted]
        jobs = [job for job in jobs if request.get("NameContains", "") in job["TrainingJobName"]]
        jobs.sort(key=lambda job: job["CreationTime"], reverse=True)
        summaries = [{key: job[key] for key in _SUMMARY if key in job} for job in jobs]
        return {"TrainingJobSummaries": summaries[: request.get("MaxResults", 100)]}

    def stop(self, request: dict[str, Any]) -> dict[str, Any]:
        job = self._find(request)
        if job.document["TrainingJobStatus"] in _FINAL:
            raise ServiceError(
                "ValidationException",
                "The request was rejected because the training job is in status "
                f"{job.document['TrainingJobStatus']}.",
            )
        job.stop.set()
        return {}

    def run_task(self, parameters: dict[str, Any], *, wait: bool) -> dict[str, Any]:
        """The Step Functions integration; raises TaskFailed with the names that AWS uses."""
        try:
            created = self.create(parameters)
        except ServiceError as error:
            names = {"ResourceInUse": "SageMaker.ResourceInUseException"}
            name = names.get(error.code, "SageMaker.AmazonSageMakerException")
            cause = (
                f"{error} (Service: AmazonSageMaker; Status Code: 400; Error Code: {error.code})"
            )
            raise self.TaskFailed(name, cause) from error
        if not wait:
            return created
        job = self._jobs[parameters["TrainingJobName"]]
        job.done.wait()
        document: dict[str, Any] = in_milliseconds(job.document)
        if document["TrainingJobStatus"] != "Completed":
            raise self.TaskFailed("States.TaskFailed", json.dumps(document))
        return document

    def close(self) -> None:
        """Stop every job and wait a few seconds for their processes to end."""
        running = [job for job in self._jobs.values() if not job.done.is_set()]
        for job in running:
            job.stop.set()
        deadline = time.monotonic() + _EXIT_GRACE_S
        for job in running:
            job.done.wait(max(0.0, deadline - time.monotonic()))

    def _run(self, job: _Job) -> None:
        document = job.document
        name = document["TrainingJobName"]
        run = TrainingJob(
            document,
            root=self._folder / name,
            s3=self._session.client("s3", endpoint_url=self._endpoint),
            environment=self._environment(document),
            report=JobReport(document, self._session, self._endpoint),
        )
        document["TrainingStartTime"] = time.time()
        try:
            secondary = run.run(job.stop)
            status = "Completed" if secondary == "Completed" else "Stopped"
            document["ModelArtifacts"] = {"S3ModelArtifacts": run.artifacts}
            enter(document, secondary, f"Training job {status.lower()}", status)
        except JobFailed as error:
            fail(document, str(error))
        except (OSError, BotoCoreError, ClientError) as error:
            fail(document, f"InternalServerError: {error}")
        finally:
            document["TrainingEndTime"] = time.time()
            took_s = int(document["TrainingEndTime"] - document["TrainingStartTime"])
            document["TrainingTimeInSeconds"] = document["BillableTimeInSeconds"] = took_s
            job.done.set()
            self._announce(document)

    def _environment(self, document: Mapping[str, Any]) -> dict[str, str]:
        credentials = self._session.get_credentials()
        key = credentials.get_frozen_credentials() if credentials else None
        return {
            "TRAINING_JOB_ARN": document["TrainingJobArn"],
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_ACCESS_KEY_ID": key.access_key or "" if key else "",
            "AWS_SECRET_ACCESS_KEY": key.secret_key or "" if key else "",
        }

    def _announce(self, document: Mapping[str, Any]) -> None:
        try:
            self._session.client("events", endpoint_url=self._endpoint).put_events(
                Entries=[
                    {
                        "Source": "aws.sagemaker",
                        "DetailType": "SageMaker Training Job State Change",
                        "Detail": json.dumps(in_milliseconds(document)),
                        "Resources": [document["TrainingJobArn"]],
                    }
                ]
            )
        except (BotoCoreError, ClientError):
            return  # the server is going down

    def _find(self, request: Mapping[str, Any]) -> _Job:
        job = self._jobs.get(request.get("TrainingJobName", ""))
        if job is None:
            raise ServiceError("ValidationException", "Requested resource not found.")
        return job

    def _validate(self, operation: str, request: dict[str, Any]) -> None:
        """Check a request against SageMaker's own model, as botocore carries it."""
        shape = self._model.operation_model(operation).input_shape
        problems = ParamValidator().validate(request, shape)
        if problems.has_errors():
            text = " ".join(problems.generate_report().split())
            raise ServiceError("ValidationException", f"1 validation error detected: {text}")

    @cached_property
    def _model(self) -> Any:
        return get_session().get_service_model("sagemaker")
