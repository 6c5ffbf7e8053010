"""How deep the spool is. SQS tells no message's age, so some are looked at.

A look is a receipt with no visibility time-out: the message can be received again at once, and its
consumer is not kept from it. Messages in the consumer's hands are not given to us, so their
receipts stay good. Each look counts as a receipt, which harms nothing: the spool has no dead-letter
queue, and SQS keeps a message by its age alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.adapters.clients import translated
from infermeter.reconciliation.standing import Depth

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageTypeDef

# Ten messages a look, of an order that SQS does not tell: the age is that of the oldest seen. The
# queue's own metric has an alarm besides.
LOOKS = 10
COUNTS: tuple[QueueAttributeNameType, ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class SqsSpoolDepth:
    """The `SpoolDepth` of a queue."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client, self._queue_url = client, queue_url

    def depth(self) -> Depth:
        """Counts, then looks until nothing new is seen."""
        with translated("spool"):
            got = self._client.get_queue_attributes(
                QueueUrl=self._queue_url, AttributeNames=list(COUNTS)
            )
            seen: dict[str, int] = {}
            for _ in range(LOOKS):
                known = len(seen)
                for message in self._look():
                    sent_ms = int(message["Attributes"]["SentTimestamp"])
                    seen[message["MessageId"]] = sent_ms // 1000
                if len(seen) == known:
                    break
        count = sum(int(got["Attributes"][name]) for name in COUNTS)
        return Depth(max(count, len(seen)), min(seen.values(), default=None))

    def _look(self) -> list[MessageTypeDef]:
        answer = self._client.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            WaitTimeSeconds=1,  # then all of the queue's servers are asked
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        return answer.get("Messages", [])
