"""SQS to the data plane: messages in, the ids of those to redeliver out."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.data_classes import SQSEvent

from infermeter.batch import RETRY, Message
from infermeter.telemetry import record_outcome
from infermeter.wiring.serving import Serving

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Left over for reporting what was not served in time.
REPORT_S = 1.0

wiring = Serving.from_environment(os.environ)
consumer = wiring.batch_consumer


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """An SQS event in, `batchItemFailures` out."""
    messages = [
        Message(record.message_id, record.body, int(record.attributes.sent_timestamp or 0))
        for record in SQSEvent(event).records
    ]
    deadline = time.time() + context.get_remaining_time_in_millis() / 1000 - REPORT_S
    outcomes = consumer.consume(messages, deadline=deadline)
    for outcome in outcomes:
        record_outcome(outcome)
        if outcome.principal is not None:
            wiring.activity.note(outcome.principal.key_id)
    wiring.limiter.flush_due(deadline)
    # Nobody waits here, and a queue that is drained may not call this environment again.
    wiring.statistics.flush(deadline)
    wiring.activity.flush_due(deadline)
    again = [outcome.message.id for outcome in outcomes if outcome.fate == RETRY]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}
