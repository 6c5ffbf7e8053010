"""The statistics table: `S#<model>/V#<version>` holds the sums, each a number of its own.

A batch size's are `b<size>_<counter>`. Only what is not zero is there.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from infermeter.adapters.clients import translated
from infermeter.adapters.items import from_item, key
from infermeter.statistics.counters import BatchCounters, Counters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

_LAST = "last_ms"
_SUMS = tuple(each.name for each in fields(Counters) if each.name not in (_LAST, "batches"))
_BATCH_SUMS = tuple(each.name for each in fields(BatchCounters))


class DynamoStatistics:
    """The `StatisticsStore` over a DynamoDB table.

    A retry of the client's own after a lost acknowledgement counts twice: the sums are approximate.
    """

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def add(self, model: str, version: str, counters: Counters) -> None:
        """One update. Of two environments' last calls, the one that is written last stands."""
        sums = {name: value for name, value in _flat(counters).items() if value}
        if not sums:
            return
        terms = ", ".join(f"{name} :{place}" for place, name in enumerate(sums))
        values: dict[str, Any] = {
            f":{place}": {"N": str(value)} for place, value in enumerate(sums.values())
        }
        with translated("statistics table"):
            self._client.update_item(
                TableName=self._table,
                Key=key(f"S#{model}", f"V#{version}"),
                UpdateExpression=f"ADD {terms} SET {_LAST} = :last",
                ExpressionAttributeValues=values | {":last": {"N": str(counters.last_ms)}},
            )

    def of_model(self, model: str) -> Mapping[str, Counters]:
        """The sums of every version that was ever counted."""
        with translated("statistics table"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": f"S#{model}"}},
                ConsistentRead=True,
            )
            rows = [from_item(item) for page in pages for item in page["Items"]]
        return {row["sk"].removeprefix("V#"): _counters(row) for row in rows}


def _flat(counters: Counters) -> dict[str, int]:
    flat = {name: getattr(counters, name) for name in _SUMS}
    for size, batch in counters.batches.items():
        flat |= {f"b{size}_{name}": getattr(batch, name) for name in _BATCH_SUMS}
    return flat


def _counters(row: Mapping[str, Any]) -> Counters:
    counters = Counters(**{name: row.get(name, 0) for name in (*_SUMS, _LAST)})
    for name, value in row.items():
        size, _, counter = name.removeprefix("b").partition("_")
        if name.startswith("b") and size.isdecimal():
            setattr(counters.batches.setdefault(int(size), BatchCounters()), counter, value)
    return counters
