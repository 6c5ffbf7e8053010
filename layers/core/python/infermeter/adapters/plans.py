"""Plans in the control table.

`P#<name>/V#<version>` is a version as JSON, and never changes; `P#<name>/META` says which is in
force (`rev`) with its limits, which is all that a request needs; `PLANS/<name>` lists them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from infermeter.adapters.clients import translated
from infermeter.adapters.items import from_item, key
from infermeter.adapters.terms import limits_row
from infermeter.adapters.transactions import Put, transact
from infermeter.billing.plan_document import document_of, parse_plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from mypy_boto3_dynamodb import DynamoDBClient

    from infermeter.billing.plans import Plan
    from infermeter.tenants.accounts import Act

_META = "META"
_LIST = "PLANS"


class DynamoPlans:
    """The `PlanStore` over the control table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def plan(self, name: str, version: int | None = None) -> Plan | None:
        """A version, by default the one in force."""
        if version is None:
            meta = self._get(name, _META)
            if meta is None:
                return None
            version = int(meta["rev"])
        row = self._get(name, f"V#{version}")
        if row is None:
            return None
        return replace(parse_plan(json.loads(row["document"]), version), since=row.get("at", 0))

    def add(self, plan: Plan, act: Act) -> bool:
        """The version, if it is new, and that it is in force, if it is the next."""
        place = f"P#{plan.name}"
        document = json.dumps(document_of(plan))
        meta = {"pk": place, "sk": _META, "rev": plan.version, "limits": limits_row(plan.limits)}
        first = plan.version == 1
        return transact(
            self._client,
            self._table,
            Put(
                {"pk": place, "sk": f"V#{plan.version}", "document": document, "at": plan.since},
                new=True,
            ),
            Put(meta, new=first, revision=None if first else plan.version - 1),
            Put({"pk": _LIST, "sk": plan.name}),
            act=act,
        )

    def names(self) -> Sequence[str]:
        """All plans', sorted."""
        with translated("control table"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": _LIST}},
                ConsistentRead=True,
            )
            return [str(from_item(item)["sk"]) for page in pages for item in page["Items"]]

    def _get(self, name: str, sk: str) -> dict[str, Any] | None:
        with translated("control table"):
            answer = self._client.get_item(
                TableName=self._table, Key=key(f"P#{name}", sk), ConsistentRead=True
            )
        return from_item(answer["Item"]) if "Item" in answer else None
