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
    "lr",
    "samples_per_s",
    "test_loss",
    "test_accuracy",
    "test_r2",
    "test_mae",
    "test_rmse",
    "baseline_accuracy",
    "baseline_r2",
)
NUMBER = "([-+0-9.e]+)"


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
                "InstanceCount": 1,
                "VolumeSizeInGB": settings.volume_gb,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": settings.max_runtime_s},
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


def channel(name: str, location: dict[str, str]) -> dict[str, object]:
    """Return an input channel: every object under an S3 prefix, on every instance."""
    source = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated", **location}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}
