"""Changes of the control table that stand together with their act, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infermeter.adapters.audit import act_row
from infermeter.adapters.clients import code_of, translated
from infermeter.adapters.items import key, to_item

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from infermeter.tenants.accounts import Act

# Of the reasons why a transaction is cancelled, those that mean: others were first.
_OVERTAKEN = {"None", "ConditionalCheckFailed", "TransactionConflict"}


@dataclass(frozen=True, slots=True)
class Put:
    """A row to write; `new`: only if there is none, `revision`: only over this one."""

    row: Mapping[str, Any]
    new: bool = False
    revision: int | None = None

    def item(self, table: str) -> dict[str, Any]:
        """As the transaction has it."""
        put: dict[str, Any] = {"TableName": table, "Item": to_item(self.row)}
        if self.new:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        elif self.revision is not None:
            put |= _unchanged(self.revision)
        return {"Put": put}


@dataclass(frozen=True, slots=True)
class Check:
    """A row that must still be there at this revision."""

    pk: str
    sk: str
    revision: int

    def item(self, table: str) -> dict[str, Any]:
        """As the transaction has it."""
        row = {"TableName": table, "Key": key(self.pk, self.sk)}
        return {"ConditionCheck": row | _unchanged(self.revision)}


def transact(client: DynamoDBClient, table: str, *parts: Put | Check, act: Act) -> bool:
    """All parts and the act; False, and nothing, when a condition does not hold.

    Raises StoreUnavailable. The client's own retries carry one token, and are one transaction.
    """
    items: list[Any] = [part.item(table) for part in parts]
    items.append({"Put": {"TableName": table, "Item": act_row(act)}})
    with translated("control table"):
        try:
            client.transact_write_items(TransactItems=items)
        except ClientError as error:
            if code_of(error) == "TransactionCanceledException" and _overtaken(error):
                return False
            raise
    return True


def _overtaken(error: ClientError) -> bool:
    answer: Any = error.response
    reasons = {reason.get("Code", "None") for reason in answer.get("CancellationReasons", ())}
    return reasons <= _OVERTAKEN


def _unchanged(revision: int) -> dict[str, Any]:
    if not revision:
        return {"ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(rev)"}
    return {
        "ConditionExpression": "rev = :rev",
        "ExpressionAttributeValues": {":rev": {"N": str(revision)}},
    }
