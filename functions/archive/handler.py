"""The ledger's stream to the archive. A batch that fails is delivered again, whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent

from infermeter.adapters.archive import change_of
from infermeter.wiring.metering import Metering

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
wiring = Metering.from_environment(os.environ)
archiver = wiring.archiver


def handler(event: dict[str, Any], _: LambdaContext) -> dict[str, Any]:
    """A DynamoDB stream event in; nothing is reported back, as all of it was kept."""
    changes = [change_of(record.raw_event) for record in DynamoDBStreamEvent(event).records]
    for finding in archiver.keep(changes):
        logger.error(
            "the ledger was changed",
            extra={"finding": {"tenant": finding.tenant, **finding.details}},
        )
    return {"batchItemFailures": []}
