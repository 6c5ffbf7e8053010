"""The SageMaker training job that the state machine runs and waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.training_permissions import SAGEMAKER, permissions_of_job

if TYPE_CHECKING:
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_s3_assets as s3_assets

    from infra.settings import Training

RUN_AND_WAIT = f"arn:{Aws.PARTITION}:states:::sagemaker:createTrainingJob.sync"

# The trainer prints lines of name=value pairs; these become CloudWatch metrics.
METRICS = (
    "train_loss",
    "val_loss",
    "val_accuracy",
    "val_r2",
    "val_token_accuracy",
    "lr",
    "samples_per_s",
    "mfu",
    "test_loss",
    "test_accuracy",
    "test_r2",
    "test_mae",
    "test_rmse",
    "test_nats_per_token",
    "test_nats_per_character",
    "baseline_accuracy",
    "baseline_r2",
    "baseline_nats_per_token",
)
NUMBER = "([-+0-9.e]+)"
# Of a job that failed by a fault of SageMaker's own; it is the same job, and goes on.
RETRIES = 2


class TrainingJob(Construct):
    """A task state, written out, and the role of the job that it starts.

    The state's input has `chosen` (the recipe), `data` (an S3 prefix under data/ in the bucket) and
    `hyperparameters` (strings); it adds `job`: its name and `artifact`, the S3 prefix of the model.
    The CDK's own task knows no entry point and no uncompressed output.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        prefix: str,
        bucket: s3.IBucket,
        code: s3_assets.Asset,
        settings: Training,
    ) -> None:
        super().__init__(scope, construct_id)
        self.prefix = prefix
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal(SAGEMAKER))
        for statement in permissions_of_job(bucket=bucket, code=code, image=settings.image):
            self.role.add_to_policy(statement)

        output = f"s3://{bucket.bucket_name}/jobs/"
        # One execution's own: another has other settings or data, or is to begin anew. SageMaker
        # brings them back where it begins the same job again, on spot capacity or after a fault.
        checkpoints = f"s3://{bucket.bucket_name}/checkpoints/{prefix}-{{}}/"
        # SageMaker puts the object that a prefix names into the channel's folder, under its name.
        archive = code.s3_object_key.rsplit("/", maxsplit=1)[-1]
        request = {
            "TrainingJobName.$": f"States.Format('{prefix}-{{}}', $$.Execution.Name)",
            "RoleArn": self.role.role_arn,
            "AlgorithmSpecification": {
                "TrainingImage": settings.image.replace("{region}", Aws.REGION),
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python", f"/opt/ml/input/data/code/{archive}"],
                "MetricDefinitions": [
                    {"Name": name, "Regex": rf"\b{name}={NUMBER}"} for name in METRICS
                ],
            },
            # The recipe last, so that no hyperparameter takes its place.
            "HyperParameters.$": "States.JsonMerge($.hyperparameters, $.chosen, false)",
            "InputDataConfig": [
                channel("code", {"S3Uri": code.s3_object_url}),
                channel("training", {"S3Uri.$": "$.data"}),
            ],
            "OutputDataConfig": {"S3OutputPath": output, "CompressionType": "NONE"},
            "ResourceConfig": {
                "InstanceType": settings.instance_type,
                "InstanceCount": settings.instances,
                "VolumeSizeInGB": settings.volume_gb,
            },
            "CheckpointConfig": {"S3Uri.$": f"States.Format('{checkpoints}', $$.Execution.Name)"},
            **capacity(settings),
            "RetryStrategy": {"MaximumRetryAttempts": RETRIES},
            # All that the job needs comes by its channels.
            "EnableNetworkIsolation": True,
        }
        artifact = f"States.Format('{output}{{}}/output/model/', $.TrainingJobName)"
        self.state = sfn.CustomState(
            self,
            "Train",
            state_json={
                "Type": "Task",
                "Resource": RUN_AND_WAIT,
                "Parameters": request,
                "ResultSelector": {"name.$": "$.TrainingJobName", "artifact.$": artifact},
                "ResultPath": "$.job",
            },
        )


def capacity(settings: Training) -> dict[str, object]:
    """Return how long the job may take, and what of: spot capacity is waited for, beyond that."""
    longest = {"MaxRuntimeInSeconds": settings.max_runtime_s}
    if settings.spot:
        longest["MaxWaitTimeInSeconds"] = settings.max_runtime_s + settings.spot_wait_s
    return {"EnableManagedSpotTraining": settings.spot, "StoppingCondition": longest}


def channel(name: str, location: dict[str, str]) -> dict[str, object]:
    """Return an input channel: every object under an S3 prefix, on every instance."""
    source = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated", **location}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}
