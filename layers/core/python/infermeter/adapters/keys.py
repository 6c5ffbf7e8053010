"""Keys and tenants in the control table.

`K#<key id>/META` is a key; `T#<tenant>/META` its tenant; `T#<tenant>/K#<key id>` lists them;
`TENANTS/<tenant>` is a copy of each tenant's row, so that all are one query. `rev` counts a row's
changes; a row that was never changed, or is from before there was one, has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infermeter.adapters.clients import translated
from infermeter.adapters.items import from_item, key
from infermeter.adapters.terms import limits_of, limits_row
from infermeter.adapters.transactions import Check, Put, transact
from infermeter.metering.sharding import ShardChange, Sharding
from infermeter.tenants.keys import (
    KeyRecord,
    KeySecret,
    PlanSince,
    PlanTerms,
    TenantRecord,
    TenantState,
)
from infermeter.tenants.scopes import Scopes, parse_scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from infermeter.tenants.accounts import Act

_META = "META"
_LIST = "TENANTS"


class DynamoKeys:
    """The `KeyStore` and `Accounts` over a DynamoDB table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def key(self, key_id: str) -> KeyRecord | None:
        """The key's row, or None."""
        row = self._get(f"K#{key_id}")
        return None if row is None else _key(row)

    def tenant(self, tenant: str) -> TenantRecord | None:
        """The tenant's row, or None."""
        row = self._get(f"T#{tenant}")
        return None if row is None else _tenant(tenant, row)

    def terms(self, plan: str) -> PlanTerms | None:
        """Of the version in force."""
        row = self._get(f"P#{plan}")
        return None if row is None else PlanTerms(plan, row["rev"], limits_of(row.get("limits")))

    def tenants(self) -> Iterator[TenantRecord]:
        """All tenants, by name."""
        for row in self._query(_LIST):
            yield _tenant(row["sk"], row)

    def keys_of(self, tenant: str) -> Sequence[KeyRecord]:
        """All keys of a tenant, the oldest first."""
        listed = [row["sk"].removeprefix("K#") for row in self._query(f"T#{tenant}", "K#")]
        found = [record for key_id in listed if (record := self.key(key_id)) is not None]
        return sorted(found, key=lambda record: (record.created_at, record.key_id))

    def add_key(self, record: KeyRecord, tenant: TenantRecord, act: Act) -> bool:
        """The key, and its entry in the list of a tenant that is as it was read."""
        place = f"T#{record.tenant}"
        return transact(
            self._client,
            self._table,
            Put(_key_row(record), new=True),
            Put({"pk": place, "sk": f"K#{record.key_id}"}),
            Check(place, _META, tenant.revision),
            # A tenant of before there was a list comes into it with its next key.
            Put(_listed(_tenant_row(tenant) | {"rev": tenant.revision or None})),
            act=act,
        )

    def put_key(self, record: KeyRecord, act: Act) -> bool:
        """Replaces the row."""
        row = _key_row(record) | {"rev": record.revision + 1}
        return transact(self._client, self._table, Put(row, revision=record.revision), act=act)

    def add_tenant(self, record: TenantRecord, act: Act) -> bool:
        """The tenant, and its copy in the list."""
        row = _tenant_row(record)
        places = (Put(_own(row), new=True), Put(_listed(row)))
        return transact(self._client, self._table, *places, act=act)

    def put_tenant(self, record: TenantRecord, act: Act) -> bool:
        """Replaces the row and its copy."""
        row = _tenant_row(record) | {"rev": record.revision + 1}
        places = (Put(_own(row), revision=record.revision), Put(_listed(row)))
        return transact(self._client, self._table, *places, act=act)

    def _get(self, pk: str) -> dict[str, Any] | None:
        with translated("control table"):
            # A replica's old row, remembered, would outlive a revocation.
            answer = self._client.get_item(
                TableName=self._table, Key=key(pk, _META), ConsistentRead=True
            )
        return from_item(answer["Item"]) if "Item" in answer else None

    def _query(self, pk: str, begins: str = "") -> Iterator[dict[str, Any]]:
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if begins:
            condition, values = (
                f"{condition} AND begins_with(sk, :sk)",
                values | {":sk": {"S": begins}},
            )
        with translated("control table"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ConsistentRead=True,
            )
            for page in pages:
                for item in page["Items"]:
                    yield from_item(item)


def _own(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"pk": f"T#{row['tenant']}", "sk": _META}


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"pk": _LIST, "sk": row["tenant"]}


def _tenant_row(record: TenantRecord) -> dict[str, Any]:
    return {
        "tenant": record.tenant,
        "created_at": record.created_at,
        "state": record.state.value,
        "plan": record.plan or None,
        "plans": [each._asdict() for each in record.plans] or None,
        "limits": limits_row(record.limits),
        "reason": record.reason or None,
        "closed_at": record.closed_at,
        "shards": [change._asdict() for change in record.sharding.changes] or None,
    }


def _tenant(tenant: str, row: dict[str, Any]) -> TenantRecord:
    return TenantRecord(
        tenant=tenant,
        created_at=row["created_at"],
        state=TenantState(row.get("state", TenantState.ACTIVE.value)),
        plan=row.get("plan", ""),
        plans=tuple(PlanSince(**each) for each in row.get("plans", ())),
        limits=limits_of(row.get("limits")),
        reason=row.get("reason", ""),
        closed_at=row.get("closed_at"),
        sharding=Sharding(tuple(ShardChange(**change) for change in row.get("shards", ()))),
        revision=row.get("rev", 0),
    )


def _key_row(record: KeyRecord) -> dict[str, Any]:
    return {
        "pk": f"K#{record.key_id}",
        "sk": _META,
        "tenant": record.tenant,
        "secrets": [
            {
                "digest": secret.digest,
                "expires_at": secret.expires_at,
                "salt": secret.salt or None,
                "rotation": secret.rotation or None,
            }
            for secret in record.secrets
        ],
        "created_at": record.created_at,
        "revoked_at": record.revoked_at,
        "expires_at": record.expires_at,
        "name": record.name or None,
        "scopes": [str(scope) for scope in record.scopes.scopes] or None,
        "limits": limits_row(record.limits),
    }


def _key(row: dict[str, Any]) -> KeyRecord:
    return KeyRecord(
        key_id=row["pk"].removeprefix("K#"),
        tenant=row["tenant"],
        secrets=tuple(
            KeySecret(
                secret["digest"],
                secret.get("expires_at"),
                secret.get("salt", ""),
                secret.get("rotation", ""),
            )
            for secret in row["secrets"]
        ),
        created_at=row["created_at"],
        revoked_at=row.get("revoked_at"),
        expires_at=row.get("expires_at"),
        name=row.get("name", ""),
        scopes=Scopes(tuple(parse_scope(scope) for scope in row.get("scopes", ()))),
        limits=limits_of(row.get("limits")),
        revision=row.get("rev", 0),
    )
