"""The audit trail in the control table: `A#<subject>/<ISO time>#<random>`, one item per act."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from infermeter.adapters.clients import translated
from infermeter.adapters.items import from_item, to_item
from infermeter.tenants.accounts import Act

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoAudit:
    """The `Trail` over the control table; acts come there with what they changed."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def last(self, subject: str, count: int) -> Sequence[Act]:
        """The latest, the newest first."""
        with translated("control table"):
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": f"A#{subject}"}},
                ScanIndexForward=False,
                ConsistentRead=True,
                Limit=count,
            )
        return [_act(subject, from_item(item)) for item in answer["Items"]]


def act_row(act: Act) -> dict[str, Any]:
    """The act's item; of two in one microsecond each has its own."""
    at = datetime.fromtimestamp(act.at, UTC).isoformat(timespec="microseconds")
    return to_item(
        {
            "pk": f"A#{act.subject}",
            "sk": f"{at}#{secrets.token_hex(4)}",
            "act": act.act,
            "actor": act.actor,
            "details": dict(act.details),
        }
    )


def _act(subject: str, row: dict[str, Any]) -> Act:
    at = datetime.fromisoformat(row["sk"].partition("#")[0]).timestamp()
    return Act(subject, row["act"], row["actor"], at, row["details"])
