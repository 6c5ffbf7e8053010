"""What the training job may do, and what it takes to run one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_iam as iam

from infra.settings import IMAGE

if TYPE_CHECKING:
    from aws_cdk import aws_s3 as s3
    from aws_cdk import aws_s3_assets as s3_assets

SAGEMAKER = "sagemaker.amazonaws.com"
HERE = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"

# SageMaker gives these their names, the same for all training jobs of an account.
LOG_GROUPS = f"arn:{Aws.PARTITION}:logs:{HERE}:log-group:/aws/sagemaker/TrainingJobs*"
METRICS = "/aws/sagemaker/TrainingJobs"

# Step Functions hears of a job's end by this rule, which it makes itself.
RULE = "StepFunctionsGetEventsForSageMakerTrainingJobsRule"


def allow(
    *actions: str, on: list[str], conditions: dict[str, object] | None = None
) -> iam.PolicyStatement:
    """Return a statement that allows these actions on these ARNs."""
    return iam.PolicyStatement(actions=list(actions), resources=on, conditions=conditions)


def permissions_of_job(
    *, bucket: s3.IBucket, code: s3_assets.Asset, image: str
) -> list[iam.PolicyStatement]:
    """Return what the job needs: its channels, its output, its checkpoints, its log, its metrics,
    its image."""
    data = f"{code.bucket.bucket_arn}/{code.s3_object_key}"
    code_prefix = {"s3:prefix": f"{code.s3_object_key}*"}
    return [
        allow(
            "s3:GetObject",
            on=[
                bucket.arn_for_objects("data/*"),
                bucket.arn_for_objects("checkpoints/*"),
                data,
            ],
        ),
        allow(
            "s3:ListBucket",
            on=[bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": ["checkpoints/*", "data/*", "jobs/*"]}},
        ),
        allow(
            "s3:ListBucket",
            on=[code.bucket.bucket_arn],
            conditions={"StringLike": code_prefix},
        ),
        allow(
            "s3:PutObject",
            "s3:AbortMultipartUpload",
            on=[bucket.arn_for_objects("jobs/*"), bucket.arn_for_objects("checkpoints/*")],
        ),
        allow(
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
            on=[LOG_GROUPS],
        ),
        # This action and ECR's token know no resource.
        allow(
            "cloudwatch:PutMetricData",
            on=["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": METRICS}},
        ),
        allow("ecr:GetAuthorizationToken", on=["*"]),
        allow(
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
            on=[_repository(image)],
        ),
    ]


def permissions_to_run(*, prefix: str, role: iam.IRole) -> list[iam.PolicyStatement]:
    """Return what a state machine needs in order to start a job, wait for it and stop it.

    The jobs are those whose name starts with `prefix` and a hyphen; `role` is the jobs' own.
    """
    return [
        # Waiting tags the job, by which Step Functions knows it as its own.
        allow(
            "sagemaker:AddTags",
            "sagemaker:CreateTrainingJob",
            "sagemaker:DescribeTrainingJob",
            "sagemaker:ListTags",
            "sagemaker:StopTrainingJob",
            on=[f"arn:{Aws.PARTITION}:sagemaker:{HERE}:training-job/{prefix}-*"],
        ),
        allow(
            "iam:PassRole",
            on=[role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": SAGEMAKER}},
        ),
        allow(
            "events:DescribeRule",
            "events:PutRule",
            "events:PutTargets",
            on=[f"arn:{Aws.PARTITION}:events:{HERE}:rule/{RULE}"],
        ),
    ]


def _repository(image: str) -> str:
    parts = re.fullmatch(IMAGE, image)
    if parts is None:
        raise ValueError(f"not an ECR image: {image}")
    region = parts["region"].replace("{region}", Aws.REGION)
    return f"arn:{Aws.PARTITION}:ecr:{region}:{parts['account']}:repository/{parts['repository']}"
