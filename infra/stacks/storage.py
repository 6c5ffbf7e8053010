"""What must not be lost: the ledger and what waits for it, the other tables, buckets, secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_secretsmanager as secretsmanager

from infra.constructs.private_bucket import PrivateBucket
from infra.constructs.spool_queue import SpoolQueue
from infra.constructs.table import Table

if TYPE_CHECKING:
    from constructs import Construct

    from infra.settings import Settings


class StorageStack(Stack):
    """Tables, buckets, spool and secrets, kept when the stack goes unless the settings say so."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id, description="infermeter: tables, buckets, secrets")
        keep = RemovalPolicy.RETAIN if settings.storage.retain else RemovalPolicy.DESTROY

        self.ledger = Table(
            self,
            "Ledger",
            removal_policy=keep,
            time_to_live="ex",
            stream=dynamodb.StreamViewType.NEW_IMAGE,
            protected=settings.storage.retain,
        ).table
        # Entries whose id's hour is not their commit hour, and only those, carry this key.
        self.ledger.add_global_secondary_index(
            index_name="commit-hour",
            partition_key=dynamodb.Attribute(name="g1pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            projection_type=dynamodb.ProjectionType.ALL,
        )
        self.control = Table(self, "Control", removal_policy=keep).table
        self.registry = Table(self, "Registry", removal_policy=keep).table
        self.statistics = Table(self, "Statistics", removal_policy=keep).table
        self.limits = Table(self, "Limits", removal_policy=keep, time_to_live="ex").table
        self.usage = Table(self, "Usage", removal_policy=keep).table
        self.spool = SpoolQueue(
            self,
            "Spool",
            consumer_timeout_s=settings.metering.spool.timeout_s,
            removal_policy=keep,
        ).queue

        # The permanent ledger: nothing in it expires.
        self.archive = PrivateBucket(self, "Archive", removal_policy=keep, versioned=True).bucket
        self.models = PrivateBucket(self, "Models", removal_policy=keep, versioned=True).bucket
        self.results = PrivateBucket(
            self,
            "Results",
            removal_policy=keep,
            announced=True,
            expires=Duration.days(settings.storage.results_days),
        ).bucket
        self.inputs = PrivateBucket(
            self,
            "Inputs",
            removal_policy=keep,
            expires=Duration.days(settings.storage.inputs_days),
        ).bucket
        self.training = PrivateBucket(self, "Training", removal_policy=keep).bucket
        # As long as the longest job, in whose time SageMaker may need them.
        self.training.add_lifecycle_rule(prefix="checkpoints/", expiration=Duration.days(28))

        self.pepper = secretsmanager.Secret(
            self,
            "Pepper",
            description="Keys are stored as HMACs with this; a new value invalidates every key",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=64, exclude_punctuation=True
            ),
            removal_policy=keep,
        )
        # The operator writes the receivers' keys into it; no update of the stack does.
        self.export = secretsmanager.Secret(
            self,
            "Export",
            description="Keys of those who receive exported usage: a JSON object",
            secret_object_value={},
            removal_policy=keep,
        )
        self._write_outputs()

    def _write_outputs(self) -> None:
        CfnOutput(self, "LedgerTable", value=self.ledger.table_name)
        CfnOutput(self, "ControlTable", value=self.control.table_name)
        CfnOutput(self, "RegistryTable", value=self.registry.table_name)
        CfnOutput(self, "StatisticsTable", value=self.statistics.table_name)
        CfnOutput(self, "LimitsTable", value=self.limits.table_name)
        CfnOutput(self, "UsageTable", value=self.usage.table_name)
        CfnOutput(self, "SpoolQueueUrl", value=self.spool.queue_url)
        CfnOutput(self, "ArchiveBucket", value=self.archive.bucket_name)
        CfnOutput(self, "ModelsBucket", value=self.models.bucket_name)
        CfnOutput(self, "ResultsBucket", value=self.results.bucket_name)
        CfnOutput(self, "InputsBucket", value=self.inputs.bucket_name)
        CfnOutput(self, "TrainingBucket", value=self.training.bucket_name)
        CfnOutput(self, "PepperSecret", value=self.pepper.secret_arn)
        CfnOutput(self, "ExportSecret", value=self.export.secret_arn)
