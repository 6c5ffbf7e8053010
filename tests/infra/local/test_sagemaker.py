"""Training jobs, by the API and by a state machine."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.infra.local.running import Local, eventually
from tests.infra.local.stacks import FUNCTIONS


@pytest.fixture
def request_for(local: Local):
    """A CreateTrainingJob request for `functions/job.py`."""
    bucket, s3 = local.outputs["Bucket"], local.client("s3")
    s3.put_object(Bucket=bucket, Key="code/job.py", Body=(FUNCTIONS / "job.py").read_bytes())
    s3.put_object(Bucket=bucket, Key="data/nested/rows.csv", Body=b"1,2")

    def channel(name: str, key: str) -> dict[str, Any]:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{key}"}
        return {"ChannelName": name, "DataSource": {"S3DataSource": source}}

    def build(do: str, **changes: Any) -> dict[str, Any]:
        request = {
            "TrainingJobName": f"job-{uuid4().hex[:8]}",
            "RoleArn": "arn:aws:iam::000000000000:role/training-role",
            "AlgorithmSpecification": {
                "TrainingImage": "image",
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python", "/opt/ml/input/data/code/job.py"],
                "MetricDefinitions": [{"Name": "accuracy", "Regex": r"accuracy=([0-9.]+)"}],
            },
            "HyperParameters": {"do": do},
            "InputDataConfig": [channel("code", "code/job.py"), channel("training", "data/")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/jobs/", "CompressionType": "NONE"},
            "ResourceConfig": {
                "InstanceType": "ml.g5.xlarge",
                "InstanceCount": 1,
                "VolumeSizeInGB": 10,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        }
        return {**request, **changes}

    return build


def ended(local: Local, name: str) -> dict[str, Any]:
    client = local.client("sagemaker")

    def probe() -> dict[str, Any] | None:
        job = client.describe_training_job(TrainingJobName=name)
        return job if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    return eventually(probe)


def execute(local: Local, request: dict[str, Any]) -> dict[str, Any]:
    client = local.client("stepfunctions")
    arn = client.start_execution(
        stateMachineArn=local.outputs["Machine"], input=json.dumps({"job": request})
    )["executionArn"]

    def probe() -> dict[str, Any] | None:
        execution = client.describe_execution(executionArn=arn)
        return execution if execution["status"] != "RUNNING" else None

    return eventually(probe)


def test_a_job_writes_its_model_uncompressed(local: Local, request_for: Any):
    request = request_for("train")
    local.client("sagemaker").create_training_job(**request)
    job = ended(local, request["TrainingJobName"])
    prefix = f"jobs/{request['TrainingJobName']}/output/model/"
    stored = local.client("s3").get_object(
        Bucket=local.outputs["Bucket"], Key=prefix + "sub/model.txt"
    )
    assert job["TrainingJobStatus"] == "Completed"
    assert job["ModelArtifacts"]["S3ModelArtifacts"].endswith(prefix)
    assert stored["Body"].read() == b"1,2 ['code', 'training']"


def test_a_jobs_metrics_and_log_are_kept(local: Local, request_for: Any):
    request = request_for("train")
    local.client("sagemaker").create_training_job(**request)
    job = ended(local, request["TrainingJobName"])
    logs, group = local.client("logs"), "/aws/sagemaker/TrainingJobs"
    stream = logs.describe_log_streams(
        logGroupName=group, logStreamNamePrefix=f"{request['TrainingJobName']}/algo-1-"
    )["logStreams"][0]["logStreamName"]
    log = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
    assert job["FinalMetricDataList"][0]["Value"] == pytest.approx(0.75)
    assert [event["message"] for event in log] == ["validation: accuracy=0.75"]


def test_a_failure_has_the_jobs_own_reason(local: Local, request_for: Any):
    request = request_for("fail")
    local.client("sagemaker").create_training_job(**request)
    job = ended(local, request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: the data is empty, exit code: 2"


def test_a_stopped_job_still_keeps_its_model(local: Local, request_for: Any):
    client, request = local.client("sagemaker"), request_for("sleep")
    name = request["TrainingJobName"]
    client.create_training_job(**request)
    eventually(
        lambda: client.describe_training_job(TrainingJobName=name).get("FinalMetricDataList")
    )
    client.stop_training_job(TrainingJobName=name)
    job = ended(local, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    stored = local.client("s3").list_objects_v2(
        Bucket=local.outputs["Bucket"], Prefix=f"jobs/{name}/output/model/"
    )
    assert stored["Contents"][0]["Key"].endswith("stopped.txt")


def test_a_job_over_its_time_is_stopped(local: Local, request_for: Any):
    request = request_for("sleep", StoppingCondition={"MaxRuntimeInSeconds": 1})
    local.client("sagemaker").create_training_job(**request)
    assert ended(local, request["TrainingJobName"])["SecondaryStatus"] == "MaxRuntimeExceeded"


def test_missing_data_is_a_client_error(local: Local, request_for: Any):
    request = request_for("train")
    source = request["InputDataConfig"][1]["DataSource"]["S3DataSource"]
    source["S3Uri"] += "absent/"
    local.client("sagemaker").create_training_job(**request)
    reason = ended(local, request["TrainingJobName"])["FailureReason"]
    assert reason.startswith("ClientError: No S3 objects found under S3 URL")


def test_a_name_is_taken_once(local: Local, request_for: Any):
    client, request = local.client("sagemaker"), request_for("train")
    client.create_training_job(**request)
    with pytest.raises(ClientError) as error:
        client.create_training_job(**request)
    assert error.value.response["Error"]["Code"] == "ResourceInUse"


def test_an_invalid_name_is_refused(local: Local, request_for: Any):
    with pytest.raises(ClientError, match="trainingJobName"):
        local.client("sagemaker").create_training_job(
            **request_for("train", TrainingJobName="not_allowed")
        )


def test_jobs_are_listed_newest_first(local: Local, request_for: Any):
    client = local.client("sagemaker")
    names = []
    for _ in range(2):
        request = request_for("train")
        client.create_training_job(**request)
        names.append(request["TrainingJobName"])
    listed = [job["TrainingJobName"] for job in client.list_training_jobs()["TrainingJobSummaries"]]
    assert listed.index(names[1]) < listed.index(names[0])


def test_a_state_waits_for_its_job(local: Local, request_for: Any):
    execution = execute(local, request_for("train"))
    assert execution["status"] == "SUCCEEDED", execution
    output = json.loads(execution["output"])
    assert output["TrainingJobStatus"] == "Completed"
    assert isinstance(output["CreationTime"], int)


def test_a_failed_job_fails_its_state_with_the_jobs_description(local: Local, request_for: Any):
    execution = execute(local, request_for("fail"))
    assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
    assert "the data is empty" in json.loads(execution["cause"])["FailureReason"]


def test_an_invalid_request_fails_its_state_as_sagemaker_names_it(local: Local, request_for: Any):
    execution = execute(local, request_for("train", RoleArn="short"))
    assert execution["error"] == "SageMaker.AmazonSageMakerException"
