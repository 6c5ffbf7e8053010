"""The spool: a queue of ledger entries that the ledger did not take in time."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from infermeter.adapters.clients import translated
from infermeter.errors import SpoolUnavailable
from infermeter.metering.documents import entry_document

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

    from infermeter.metering.ledger import LedgerEntry

_COUNTS: tuple[QueueAttributeNameType, ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class SqsSpool:
    """The `Spool` over a standard queue; the client gives up within the put's budget."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client, self._queue_url = client, queue_url

    def send(self, entry: LedgerEntry) -> None:
        """One message. A lost acknowledgement may leave two: the ledger takes one."""
        body = orjson.dumps(entry_document(entry)).decode()
        try:
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=body)
        except (BotoCoreError, ClientError) as error:
            raise SpoolUnavailable from error

    def return_in(self, receipt: str, seconds: int) -> None:
        """Shows a message again then, which may be sooner than its time-out. Never raises: it is
        shown again in any case."""
        with suppress(BotoCoreError, ClientError):
            self._client.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )

    def holds_any(self) -> bool:
        """Whether entries wait, or are with its consumer; by counts that lag by a minute."""
        with translated("spool"):
            answer = self._client.get_queue_attributes(
                QueueUrl=self._queue_url, AttributeNames=list(_COUNTS)
            )
        return any(int(answer["Attributes"][name]) for name in _COUNTS)
