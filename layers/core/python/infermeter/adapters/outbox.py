"""The export's outbox in the usage table.

`X#<target>#<tenant>` / `<yyyymmddhh>#<meter>#<revision>` is a row; beside the rows lies `PROGRESS`:
how far they are planned and acknowledged, what is carried on, and the plan's version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infermeter.adapters.clients import code_of, translated
from infermeter.adapters.conditions import applied
from infermeter.adapters.items import from_item, key, to_item
from infermeter.export.outbox import Progress, Row, RowState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from mypy_boto3_dynamodb import DynamoDBClient

_PROGRESS = "PROGRESS"
# Behind every hour, before the progress.
_END = ":"


class DynamoOutbox:
    """The `Outbox` over a table. A write whose answer was lost may be told as not done: what
    stands is read again at the next run."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def progress(self, target: str, tenant: str) -> Progress | None:
        """One read."""
        with _table():
            answer = self._client.get_item(
                TableName=self._table,
                Key=key(_partition(target, tenant), _PROGRESS),
                ConsistentRead=True,
            )
        if "Item" not in answer:
            return None
        row = from_item(answer["Item"])
        return Progress(row["planned"], row["cursor"], row["carry"], row["version"])

    def plan(self, target: str, tenant: str, after: Progress, rows: Sequence[Row]) -> bool:
        """One transaction."""
        return applied(
            self._client,
            "usage table",
            [*map(self._new, rows), self._advance(target, tenant, after)],
        )

    def rows(self, target: str, tenant: str, since: str) -> list[Row]:
        """One query."""
        return list(self._rows(_partition(target, tenant), since))

    def change(self, before: Row, after: Row) -> bool:
        """One conditional write."""
        with _table():
            try:
                self._client.put_item(**self._over(before, after))
            except ClientError as error:
                if code_of(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def move(self, before: Row, after: Progress | Row) -> bool:
        """One transaction."""
        closed = {"Put": self._over(before, before, state=RowState.MOVED)}
        if isinstance(after, Row):
            return applied(self._client, "usage table", [closed, self._new(after)])
        return applied(
            self._client,
            "usage table",
            [closed, self._advance(before.target, before.tenant, after)],
        )

    def move_cursor(self, target: str, tenant: str, cursor: str) -> None:
        """One conditional write."""
        with _table():
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=key(_partition(target, tenant), _PROGRESS),
                    UpdateExpression="SET #cursor = :cursor",
                    ConditionExpression="#cursor < :cursor",
                    ExpressionAttributeNames={"#cursor": "cursor"},
                    ExpressionAttributeValues={":cursor": {"S": cursor}},
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise

    def _rows(self, partition: str, since: str) -> Iterator[Row]:
        with _table():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :since AND :end",
                ExpressionAttributeValues={
                    ":pk": {"S": partition},
                    ":since": {"S": since},
                    ":end": {"S": _END},
                },
                ConsistentRead=True,
            )
            for page in pages:
                for item in page["Items"]:
                    yield _row(from_item(item))

    def _new(self, row: Row) -> dict[str, Any]:
        item = to_item(_values(row))
        condition = "attribute_not_exists(pk)"
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": condition}}

    def _over(self, before: Row, after: Row, state: RowState | None = None) -> dict[str, Any]:
        values = _values(after)
        if state is not None:
            values["state"] = state.value
        return {
            "TableName": self._table,
            "Item": to_item(values),
            "ConditionExpression": "#state = :state AND attempts = :attempts AND doubt = :doubt",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {
                ":state": {"S": before.state.value},
                ":attempts": {"N": str(before.attempts)},
                ":doubt": {"N": str(int(before.doubt))},
            },
        }

    def _advance(self, target: str, tenant: str, after: Progress) -> dict[str, Any]:
        values = {
            ":planned": after.planned,
            ":carry": dict(after.carry),
            ":version": after.version,
            ":cursor": after.cursor,
        }
        condition = "attribute_not_exists(pk)"
        if after.version > 1:
            condition, values[":before"] = "version = :before", after.version - 1
        return {
            "Update": {
                "TableName": self._table,
                "Key": key(_partition(target, tenant), _PROGRESS),
                "UpdateExpression": (
                    "SET planned = :planned, carry = :carry, version = :version, "
                    "#cursor = if_not_exists(#cursor, :cursor)"
                ),
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#cursor": "cursor"},
                "ExpressionAttributeValues": to_item(values),
            }
        }


def _table() -> AbstractContextManager[None]:
    return translated("usage table")


def _partition(target: str, tenant: str) -> str:
    return f"X#{target}#{tenant}"


def _values(row: Row) -> dict[str, Any]:
    return {
        "pk": _partition(row.target, row.tenant),
        "sk": f"{row.hour}#{row.meter}#{row.revision}",
        "quantity": row.quantity,
        "customer": row.customer,
        "licence": row.licence,
        "payload_id": row.payload_id,
        "state": row.state.value,
        "attempts": row.attempts,
        "first_at": row.first_at,
        "next_at": row.next_at,
        "doubt": int(row.doubt),
        "error": row.error,
        "receipt": row.receipt,
    }


def _row(values: dict[str, Any]) -> Row:
    _, target, tenant = values.pop("pk").split("#")
    hour, meter, revision = values.pop("sk").split("#")
    state, doubt = RowState(values.pop("state")), bool(values.pop("doubt"))
    return Row(
        target=target,
        tenant=tenant,
        hour=hour,
        meter=meter,
        revision=int(revision),
        state=state,
        doubt=doubt,
        **values,
    )
