"""Usage rows and seals in the usage table.

`U#<tenant>#<yyyymm>` / `H#<ddhh>#<key>#<model>#<version>#<unit>#<price>` is a row;
`S#<tenant>` / `<yyyymmddhh>` a seal; `S#<tenant>` / `WATERMARK` says which hour is next. Every
write holds only while the watermark stands at its hour, so nothing is written under a seal. Rows
that do not fit one transaction with their seal are written before it, under a claim on the hour:
another run's claim ends this one's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infermeter.adapters.clients import code_of, translated
from infermeter.adapters.conditions import applied
from infermeter.adapters.items import from_item, key, to_item
from infermeter.metering.fold import Summary, UsageKey, UsageRow
from infermeter.metering.hours import after
from infermeter.metering.measures import Quantities
from infermeter.metering.seal import Seal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

# A transaction takes 100 items, of which the last has the seal and the watermark too.
ROWS_AT_ONCE = 90
_WATERMARK = "WATERMARK"
_KEY = ("k", "m", "v", "un", "p")
_QUANTITIES = ("q", "u", "r", "tk", "bi", "bo", "ms")


class DynamoUsage:
    """The `UsageStore` over a table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def watermark(self, tenant: str) -> str:
        """One read."""
        hour: str = self._state(tenant).get("hour", "")
        return hour

    def seal(self, seal: Seal, rows: Sequence[UsageRow]) -> bool:
        """One transaction for up to 90 rows; more go before it, 90 at a time."""
        state = self._state(seal.tenant)
        if state.get("hour") != seal.hour:
            return False
        claimed = len(rows) > ROWS_AT_ONCE or "claim" in state
        if claimed:
            if not self._claim(seal):
                return False
            self._delete_strays(seal, rows)
        held = self._held(seal, claimed=claimed)
        check = {"ConditionCheck": self._where(seal.tenant) | held}
        while len(rows) > ROWS_AT_ONCE:
            if not applied(
                self._client, "usage table", [check, *map(self._put, rows[:ROWS_AT_ONCE])]
            ):
                return False
            rows = rows[ROWS_AT_ONCE:]
        return applied(
            self._client, "usage table", [*map(self._put, rows), *self._closing(seal, held)]
        )

    def pass_over(self, tenant: str, since: str, hour: str) -> bool:
        """One conditional write."""
        values = {":hour": {"S": hour}}
        condition = "attribute_not_exists(#hour)"
        if since:
            condition, values = "#hour = :since", values | {":since": {"S": since}}
        return self._update(
            tenant,
            UpdateExpression="SET #hour = :hour",
            ConditionExpression=f"{condition} AND attribute_not_exists(#claim)",
            ExpressionAttributeNames={"#hour": "hour", "#claim": "claim"},
            ExpressionAttributeValues=values,
        )

    def rows(self, tenant: str, start: str, end: str) -> Iterator[UsageRow]:
        """A query for each month. What a run left under an hour that is not sealed is no usage."""
        end = min(end, self.watermark(tenant))
        month = start[:6]
        while max(start, f"{month}0100") < end:
            first = start if month == start[:6] else f"{month}0100"
            last = end if month == end[:6] else f"{month}3200"
            yield from self._rows(tenant, month, f"H#{first[6:]}", f"H#{last[6:]}")
            month = after(f"{month}2800", 24 * 4)[:6]

    def seals(self, tenant: str, start: str, end: str) -> Iterator[Seal]:
        """One query."""
        if start < end:
            for row in self._query(f"S#{tenant}", start, after(end, -1)):
                yield _seal(tenant, row)

    def _rows(self, tenant: str, month: str, start: str, end: str) -> Iterator[UsageRow]:
        for row in self._query(f"U#{tenant}#{month}", start, end):
            names = UsageKey(*(row[name] for name in _KEY))
            quantities = Quantities(*(row[name] for name in _QUANTITIES))
            yield UsageRow(tenant, month + row["sk"][2:6], names, quantities)

    def _query(self, pk: str, start: str, end: str) -> Iterator[dict[str, Any]]:
        with translated("usage table"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :start AND :end",
                ExpressionAttributeValues={
                    ":pk": {"S": pk},
                    ":start": {"S": start},
                    ":end": {"S": end},
                },
                ConsistentRead=True,
            )
            for page in pages:
                yield from map(from_item, page["Items"])

    def _state(self, tenant: str) -> dict[str, Any]:
        with translated("usage table"):
            answer = self._client.get_item(
                TableName=self._table, Key=key(f"S#{tenant}", _WATERMARK), ConsistentRead=True
            )
        return from_item(answer.get("Item", {}))

    def _claim(self, seal: Seal) -> bool:
        return self._update(
            seal.tenant,
            UpdateExpression="SET #claim = :claim",
            ConditionExpression="#hour = :hour",
            ExpressionAttributeNames={"#hour": "hour", "#claim": "claim"},
            ExpressionAttributeValues={
                ":hour": {"S": seal.hour},
                ":claim": {"S": seal.manifest},
            },
        )

    def _closing(self, seal: Seal, held: dict[str, Any]) -> list[dict[str, Any]]:
        """The seal, and the watermark past it."""
        moved = held["ExpressionAttributeValues"] | {":next": {"S": after(seal.hour)}}
        advance = {
            "Update": self._where(seal.tenant)
            | held
            | {
                "UpdateExpression": "SET #hour = :next REMOVE #claim",
                "ExpressionAttributeValues": moved,
            }
        }
        put = {
            "TableName": self._table,
            "Item": to_item(_seal_row(seal)),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return [{"Put": put}, advance]

    def _delete_strays(self, seal: Seal, rows: Sequence[UsageRow]) -> None:
        """What an earlier claim wrote, and this fold does not have."""
        place = f"H#{seal.hour[6:]}"
        mine = {_sort_key(row) for row in rows}
        found = self._rows(seal.tenant, seal.hour[:6], f"{place}#", f"{place}$")
        for stray in [row for row in found if _sort_key(row) not in mine]:
            where = {"TableName": self._table, "Key": key(_partition(stray), _sort_key(stray))}
            check = {"ConditionCheck": self._where(seal.tenant) | self._held(seal, claimed=True)}
            applied(self._client, "usage table", [check, {"Delete": where}])

    def _held(self, seal: Seal, *, claimed: bool) -> dict[str, Any]:
        values = {":hour": {"S": seal.hour}}
        claim = "attribute_not_exists(#claim)"
        if claimed:
            claim, values = "#claim = :claim", values | {":claim": {"S": seal.manifest}}
        return {
            "ConditionExpression": f"#hour = :hour AND {claim}",
            "ExpressionAttributeNames": {"#hour": "hour", "#claim": "claim"},
            "ExpressionAttributeValues": values,
        }

    def _where(self, tenant: str) -> dict[str, Any]:
        return {"TableName": self._table, "Key": key(f"S#{tenant}", _WATERMARK)}

    def _put(self, row: UsageRow) -> dict[str, Any]:
        return {"Put": {"TableName": self._table, "Item": to_item(_usage_row(row))}}

    def _update(self, tenant: str, **arguments: Any) -> bool:
        with translated("usage table"):
            try:
                self._client.update_item(**self._where(tenant), **arguments)
            except ClientError as error:
                if code_of(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True


def _partition(row: UsageRow) -> str:
    return f"U#{row.tenant}#{row.hour[:6]}"


def _sort_key(row: UsageRow) -> str:
    return "#".join(("H", row.hour[6:], *row.key))


def _usage_row(row: UsageRow) -> dict[str, Any]:
    names = dict(zip(_KEY, row.key, strict=True))
    quantities = dict(zip(_QUANTITIES, row.quantities, strict=True))
    return {"pk": _partition(row), "sk": _sort_key(row)} | names | quantities


def _seal_row(seal: Seal) -> dict[str, Any]:
    summary = seal.summary
    return {
        "pk": f"S#{seal.tenant}",
        "sk": seal.hour,
        "n": summary.count,
        # As text: DynamoDB's numbers have 38 digits, 128 bits have 39.
        "d": f"{summary.digest:032x}",
        **dict(zip(_QUANTITIES, summary.quantities, strict=True)),
        "at": seal.sealed_at,
        "mf": seal.manifest,
    }


def _seal(tenant: str, row: dict[str, Any]) -> Seal:
    quantities = Quantities(*(row[name] for name in _QUANTITIES))
    summary = Summary(row["n"], int(row["d"], 16), quantities)
    return Seal(tenant, row["sk"], summary, row["at"], row["mf"])
