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

logger = Logger()
wiring = Metering.from_environment(os.environ)
consumer = wiring.spool_consumer


def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """An SQS event in, `batchItemFailures` out."""
    messages = [SpooledMessage(each.message_id, each.body) for each in SQSEvent(event).records]
    outcomes = consumer.consume(messages)
    for outcome in outcomes:
        _log(outcome)
    again = [outcome.message.id for outcome in outcomes if outcome.again]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}


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
