"""Where ledger entries wait while the ledger does not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

if TYPE_CHECKING:
    from aws_cdk import RemovalPolicy

RETENTION = Duration.days(14)  # SQS keeps nothing longer


class SpoolQueue(Construct):
    """A standard queue for a consumer with this time-out.

    It has no dead-letter queue: each message is a charge that was answered for, and is tried
    until it is in the ledger. What cannot be put is told by the age of the oldest message.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        consumer_timeout_s: int,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=RETENTION,
            # Six time-outs: a throttled poller must not see a message come back.
            visibility_timeout=Duration.seconds(6 * consumer_timeout_s),
            removal_policy=removal_policy,
        )
