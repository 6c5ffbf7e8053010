"""What answers: the API with its functions, the queue with its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Stack

from infra.constructs.batch_queue import BatchQueue
from infra.constructs.gateway import Gateway
from infra.constructs.handler import Handler
from infra.constructs.layers import Layers, docs_layer
from infra.constructs.metering_permissions import allow_usage

if TYPE_CHECKING:
    from constructs import Construct

    from infra.settings import Settings
    from infra.stacks.storage import StorageStack


class ServingStack(Stack):
    """Over one core, `infer` and `usage` behind the gateway, `batch` behind the queue."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, storage: StorageStack
    ) -> None:
        super().__init__(scope, construct_id, description="infermeter: API, queue, inference")
        layers = Layers(self, "Layers", settings=settings.functions).base
        resources = {
            "INFERMETER_CONTROL_TABLE": storage.control.table_name,
            "INFERMETER_INPUTS_BUCKET": storage.inputs.bucket_name,
            "INFERMETER_LEDGER_TABLE": storage.ledger.table_name,
            "INFERMETER_LIMITS_TABLE": storage.limits.table_name,
            "INFERMETER_MODELS_BUCKET": storage.models.bucket_name,
            "INFERMETER_PEPPER_SECRET": storage.pepper.secret_arn,
            "INFERMETER_REGISTRY_TABLE": storage.registry.table_name,
            "INFERMETER_RESULTS_BUCKET": storage.results.bucket_name,
            "INFERMETER_SPOOL_QUEUE": storage.spool.queue_url,
            "INFERMETER_STATISTICS_TABLE": storage.statistics.table_name,
            # Puts on the request path go out signed by the core itself, with less around them.
            "INFERMETER_SIGNED": "1",
        }

        infer = Handler(
            self,
            "Infer",
            name="infer",
            memory_mb=settings.infer.memory_mb,
            timeout_s=settings.infer.timeout_s,
            environment=resources,
            layers=[*layers, docs_layer(self, "Docs")],
            settings=settings.functions,
        )
        allow_inference(infer, storage)
        # A presigned upload has its signer's rights.
        infer.allow("s3:PutObject", on=[storage.inputs.arn_for_objects("*")])
        infer.allow("dynamodb:GetItem", "dynamodb:Query", on=[storage.statistics.table_arn])
        usage = Handler(
            self,
            "Usage",
            name="usage",
            memory_mb=settings.usage.memory_mb,
            timeout_s=settings.usage.timeout_s,
            environment={
                "INFERMETER_ARCHIVE_BUCKET": storage.archive.bucket_name,
                "INFERMETER_CONTROL_TABLE": storage.control.table_name,
                "INFERMETER_LEDGER_TABLE": storage.ledger.table_name,
                "INFERMETER_PEPPER_SECRET": storage.pepper.secret_arn,
                "INFERMETER_USAGE_TABLE": storage.usage.table_name,
            },
            layers=layers,
            settings=settings.functions,
        )
        allow_usage(usage, storage)
        gateway = Gateway(
            self, "Gateway", function=infer.function, usage=usage.function, settings=settings.api
        )
        self.access_log, self.infer_log = gateway.logs, infer.logs

        queue = BatchQueue(self, "Batches", settings=settings.batch)
        batch = Handler(
            self,
            "Batch",
            name="batch",
            memory_mb=settings.batch.memory_mb,
            timeout_s=settings.batch.timeout_s,
            environment={
                **resources,
                "INFERMETER_DEAD_LETTER_QUEUE": queue.dead_letters.queue_url,
            },
            layers=layers,
            settings=settings.functions,
        )
        allow_inference(batch, storage)
        batch.allow("sqs:SendMessage", on=[queue.dead_letters.queue_arn])
        queue.feed(batch.function)

        CfnOutput(self, "ApiUrl", value=gateway.api.url)
        CfnOutput(self, "BatchQueueUrl", value=queue.queue.queue_url)
        CfnOutput(self, "DeadLetterQueueUrl", value=queue.dead_letters.queue_url)
        CfnOutput(self, "InferFunction", value=infer.function.function_name)
        CfnOutput(self, "BatchFunction", value=batch.function.function_name)
        CfnOutput(self, "UsageFunction", value=usage.function.function_name)
        CfnOutput(self, "AccessLog", value=self.access_log.log_group_name)
        CfnOutput(self, "InferLog", value=self.infer_log.log_group_name)


def allow_inference(handler: Handler, storage: StorageStack) -> None:
    """Let a function serve: read keys, models and inputs, take from limits, leave answers, count.

    To the ledger it adds: never change or delete there. What the ledger does not take it spools.
    """
    read = ("dynamodb:GetItem", "dynamodb:Query")
    handler.allow(*read, on=[storage.control.table_arn, storage.registry.table_arn])
    handler.allow("dynamodb:PutItem", on=[storage.ledger.table_arn])
    handler.allow("sqs:SendMessage", on=[storage.spool.queue_arn])
    handler.allow(
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        on=[storage.limits.table_arn],
    )
    handler.allow("dynamodb:UpdateItem", on=[storage.statistics.table_arn])
    handler.allow(
        "s3:GetObject",
        on=[storage.models.arn_for_objects("models/*"), storage.inputs.arn_for_objects("*")],
    )
    handler.allow("s3:GetObject", "s3:PutObject", on=[storage.results.arn_for_objects("*")])
    handler.allow("secretsmanager:GetSecretValue", on=[storage.pepper.secret_arn])
