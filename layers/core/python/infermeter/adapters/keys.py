"""Keys and tenants in the control table.

`K#<key id>/META` is a key; `T#<tenant>/META` its tenant; `T#<tenant>/K#<key id>` lists them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infermeter.adapters.clients import code_of, translated
from infermeter.adapters.items import from_item, key, to_item
from infermeter.tenants.keys import KeyRecord, KeySecret, TenantRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_META = "META"


class DynamoKeys:
    """The `KeyStore` over a DynamoDB table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def key(self, key_id: str) -> KeyRecord | None:
        """The key's row, or None."""
        row = self._get(f"K#{key_id}")
        return None if row is None else _record(row)

    def tenant(self, tenant: str) -> TenantRecord | None:
        """The tenant's row, or None."""
        row = self._get(f"T#{tenant}")
        return None if row is None else TenantRecord(tenant, row["created_at"])

    def add_key(self, record: KeyRecord) -> None:
        """The key, its entry in the tenant's list and, if it is new, the tenant: all or none."""
        row = {
            "pk": f"K#{record.key_id}",
            "sk": _META,
            "tenant": record.tenant,
            "secrets": [
                {"digest": secret.digest, "expires_at": secret.expires_at}
                for secret in record.secrets
            ],
            "created_at": record.created_at,
            "plan": record.plan,
        }
        listed = {"pk": f"T#{record.tenant}", "sk": f"K#{record.key_id}"}
        with translated("control table"):
            self._client.transact_write_items(
                TransactItems=[
                    {
                        "Put": {
                            "TableName": self._table,
                            "Item": to_item(row),
                            "ConditionExpression": "attribute_not_exists(pk)",
                        }
                    },
                    {"Put": {"TableName": self._table, "Item": to_item(listed)}},
                    {
                        "Update": {
                            "TableName": self._table,
                            "Key": key(f"T#{record.tenant}", _META),
                            "UpdateExpression": "SET created_at = if_not_exists(created_at, :now)",
                            "ExpressionAttributeValues": {":now": {"N": str(record.created_at)}},
                        }
                    },
                ]
            )

    def revoke_key(self, key_id: str, revoked_at: int) -> KeyRecord | None:
        """Marks the key as revoked; the first time stands."""
        with translated("control table"):
            try:
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=key(f"K#{key_id}", _META),
                    UpdateExpression="SET revoked_at = if_not_exists(revoked_at, :now)",
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeValues={":now": {"N": str(revoked_at)}},
                    ReturnValues="ALL_NEW",
                )
            except ClientError as error:
                if code_of(error) == "ConditionalCheckFailedException":
                    return None
                raise
        return _record(from_item(answer["Attributes"]))

    def _get(self, pk: str) -> dict[str, Any] | None:
        with translated("control table"):
            # A replica's old row, remembered, would outlive a revocation.
            answer = self._client.get_item(
                TableName=self._table, Key=key(pk, _META), ConsistentRead=True
            )
        return from_item(answer["Item"]) if "Item" in answer else None


def _record(row: dict[str, Any]) -> KeyRecord:
    return KeyRecord(
        key_id=row["pk"].removeprefix("K#"),
        tenant=row["tenant"],
        secrets=tuple(
            KeySecret(secret["digest"], secret.get("expires_at")) for secret in row["secrets"]
        ),
        created_at=row["created_at"],
        revoked_at=row.get("revoked_at"),
        plan=row.get("plan"),
    )
