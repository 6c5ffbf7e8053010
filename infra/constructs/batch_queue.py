"""The queue of batch requests, and the queue of those that nothing could be made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_

    from infra.settings import Batch

RETENTION = Duration.days(14)  # SQS keeps nothing longer


class BatchQueue(Construct):
    """A standard queue with its dead-letter queue, feeding a function in batches."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Batch) -> None:
        super().__init__(scope, construct_id)
        self.settings = settings
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=RETENTION,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=RETENTION,
            # Six time-outs and the window: a throttled poller must not see a message come back.
            visibility_timeout=Duration.seconds(6 * settings.timeout_s + settings.window_s),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=settings.receives
            ),
        )

    def feed(self, function: lambda_.Function) -> None:
        """Invoke the function with batches; only the messages that it names are seen again."""
        function.add_event_source(
            event_sources.SqsEventSource(
                self.queue,
                batch_size=self.settings.size,
                max_batching_window=Duration.seconds(self.settings.window_s),
                report_batch_item_failures=True,
            )
        )
