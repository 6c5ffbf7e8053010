"""What the ledger's stream feeds, and where batches are noted that never went through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk import aws_dynamodb as dynamodb

    from infra.constructs.handler import Handler

BATCH = 1000
WINDOW = Duration.seconds(5)

# The stream forgets after 24 h, and would not tell.
GIVEN_UP = Duration.hours(23)


class LedgerStream(Construct):
    """Invokes a function with the table's new items, in order.

    A batch that fails is halved and tried again for 23 h. Then a note of its place in the stream
    goes to the queue `failures`; its entries are still in the table.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, table: dynamodb.Table, handler: Handler
    ) -> None:
        super().__init__(scope, construct_id)
        self.failures = sqs.Queue(
            self,
            "Failures",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        handler.allow(
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
            on=[f"{table.table_arn}/stream/*"],
        )
        # Not the event source of the CDK, which would list all streams of the account.
        handler.function.add_event_source_mapping(
            "Ledger",
            event_source_arn=table.table_stream_arn,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=BATCH,
            max_batching_window=WINDOW,
            bisect_batch_on_error=True,
            max_record_age=GIVEN_UP,
            on_failure=event_sources.SqsDlq(self.failures),
        )
