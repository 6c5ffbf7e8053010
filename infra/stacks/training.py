"""What makes models: the training job, the function that publishes, the state machine over both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_s3_assets as s3_assets

from infra.constructs.code import ROOT
from infra.constructs.handler import Handler
from infra.constructs.layers import Layers
from infra.constructs.pipeline import Pipeline
from infra.constructs.training_code import stage
from infra.constructs.training_job import TrainingJob

if TYPE_CHECKING:
    from constructs import Construct

    from infra.settings import Settings
    from infra.stacks.storage import StorageStack


class TrainingStack(Stack):
    """From data in S3 to an alias that serves it."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, storage: StorageStack
    ) -> None:
        super().__init__(scope, construct_id, description="infermeter: training and publishing")
        publish = Handler(
            self,
            "Publish",
            name="publish",
            memory_mb=settings.publish.memory_mb,
            timeout_s=settings.publish.timeout_s,
            environment={
                "INFERMETER_MODELS_BUCKET": storage.models.bucket_name,
                "INFERMETER_REGISTRY_TABLE": storage.registry.table_name,
                "INFERMETER_TRAINING_BUCKET": storage.training.bucket_name,
            },
            layers=Layers(self, "Layers", settings=settings.functions).base,
            settings=settings.functions,
        )
        allow_publishing(publish, storage)

        code = stage(root=ROOT, python=settings.training.python)
        job = TrainingJob(
            self,
            "Job",
            prefix=settings.name,
            bucket=storage.training,
            code=s3_assets.Asset(self, "Code", path=str(code)),
            settings=settings.training,
        )
        pipeline = Pipeline(self, "Pipeline", job=job, publish=publish.function)

        CfnOutput(self, "PublishFunction", value=publish.function.function_name)
        CfnOutput(self, "StateMachine", value=pipeline.state_machine.state_machine_arn)


def allow_publishing(handler: Handler, storage: StorageStack) -> None:
    """Let a function read what jobs made, add model versions and move aliases."""
    handler.allow(
        "dynamodb:ConditionCheckItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        on=[storage.registry.table_arn],
    )
    handler.allow("s3:GetObject", "s3:PutObject", on=[storage.models.arn_for_objects("models/*")])
    handler.allow("s3:GetObject", on=[storage.training.arn_for_objects("jobs/*")])
    for bucket, prefix in ((storage.models, "models/*"), (storage.training, "jobs/*")):
        handler.allow(
            "s3:ListBucket",
            on=[bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": prefix}},
        )
