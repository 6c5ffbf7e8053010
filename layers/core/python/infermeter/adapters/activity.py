"""Last uses of keys in the limits table: `K#<key id>/USED`, attribute `at`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infermeter.adapters.clients import code_of, translated
from infermeter.adapters.items import from_item, key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_USED = "USED"


class DynamoActivity:
    """The `LastUses` over the limits table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def used(self, key_id: str, at: int) -> None:
        """One conditional write; a later use that is there stands."""
        with translated("limits table"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=key(f"K#{key_id}", _USED),
                    UpdateExpression="SET #at = :at",
                    ConditionExpression="attribute_not_exists(pk) OR #at < :at",
                    ExpressionAttributeNames={"#at": "at"},
                    ExpressionAttributeValues={":at": {"N": str(at)}},
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise

    def last(self, key_id: str) -> int | None:
        """When the key was last used (epoch seconds), as far as it is written."""
        with translated("limits table"):
            answer = self._client.get_item(TableName=self._table, Key=key(f"K#{key_id}", _USED))
        return int(from_item(answer["Item"])["at"]) if "Item" in answer else None
