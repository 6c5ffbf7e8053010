"""The spool's queue to the ledger: entries in, the ids of messages to redeliver out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import SQSEvent

from infermeter.metering.spool import Fate, SpooledMessage, Unspooled
from infermeter.wiring.metering import Metering

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

FIRST_PAUSE_S, LAST_PAUSE_S = 5, 300

logger = Logger()
wiring = Metering.from_environment(os.environ)
consumer = wiring.spool_consumer


def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """An SQS event in, `batchItemFailures` out."""
    records = list(SQSEvent(event).records)
    outcomes = consumer.consume([SpooledMessage(each.message_id, each.body) for each in records])
    for record, outcome in zip(records, outcomes, strict=True):
        _log(outcome)
        if outcome.again:
            received = int(record.attributes.approximate_receive_count)
            wiring.spool_queue.return_in(record.receipt_handle, pause_s(received))
    again = [outcome.message.id for outcome in outcomes if outcome.again]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}


def pause_s(received: int) -> int:
    """How long to wait before the next delivery: the ledger's trouble is mostly a short one."""
    return min(FIRST_PAUSE_S << min(received - 1, 10), LAST_PAUSE_S)


def _log(outcome: Unspooled) -> None:
    entry = outcome.entry
    facts = {
        "message_id": outcome.message.id,
        "fate": outcome.fate.value,
        "tenant": entry and entry.tenant,
        "request_id": entry and entry.request_id.text,
        "error": outcome.error and f"{type(outcome.error).__name__}: {outcome.error}",
    }
    wrong = outcome.fate in (Fate.CONFLICT, Fate.MALFORMED)
    (logger.error if wrong else logger.info)("spooled entry", extra={"spooled": facts})
