"""The ledger table.

`pk = L#<tenant>#<hour of the id>#<shard>` (`O#<tenant>#<2 hex>` for opaque ids),
`sk = <8 hex of the id's hash>#<id>`. Attribute names are short: a put costs by the kilobyte and a
fold reads by the page. An entry whose id's hour is not its commit hour, and every opaque one,
also carries `g1pk`, the key of the sparse index by commit hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from infermeter.adapters.clients import code_of, translated
from infermeter.adapters.items import from_item, to_item
from infermeter.errors import LedgerUnavailable
from infermeter.metering.ids import LEDGER_TTL_S, Channel, recorded_id
from infermeter.metering.ledger import LedgerEntry
from infermeter.metering.usage import hour_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

COMMIT_HOUR_INDEX = "commit-hour"
_CHARGE = "chg"
_SHARD = "0"


class DynamoLedger:
    """The `Ledger` over a DynamoDB table; the client gives up within the put's budget."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def put(self, entry: LedgerEntry) -> LedgerEntry | None:
        """One conditional write. Raises LedgerUnavailable when its outcome is not known."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item=to_item(_row(entry)),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise LedgerUnavailable from error
            standing: dict[str, Any] = dict(error.response)
            return _entry(from_item(standing["Item"]))
        except BotoCoreError as error:
            raise LedgerUnavailable from error
        return None

    def committed(self, tenant: str, hour: str) -> Iterator[LedgerEntry]:
        """The hour's own bucket, less what was committed in another hour, and the index's."""
        for entry in self._query(None, "pk", f"L#{tenant}#{hour}#{_SHARD}"):
            if hour_of(entry.committed_ms) == hour:
                yield entry
        yield from self._query(COMMIT_HOUR_INDEX, "g1pk", f"L#{tenant}#{hour}")

    def _query(self, index: str | None, attribute: str, value: str) -> Iterator[LedgerEntry]:
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": f"{attribute} = :value",
            "ExpressionAttributeValues": {":value": {"S": value}},
        }
        if index is None:
            arguments["ConsistentRead"] = True
        else:
            arguments["IndexName"] = index
        with translated("ledger table"):
            for page in self._client.get_paginator("query").paginate(**arguments):
                for item in page["Items"]:
                    yield _entry(from_item(item))


def _row(entry: LedgerEntry) -> dict[str, Any]:
    request_id, commit_hour = entry.request_id, hour_of(entry.committed_ms)
    digest = request_id.sha256()
    if request_id.time_ms is None:
        pk, elsewhere = f"O#{entry.tenant}#{digest[:2]}", True
    else:
        hour = hour_of(request_id.time_ms)
        pk, elsewhere = f"L#{entry.tenant}#{hour}#{_SHARD}", hour != commit_hour
    return {
        "pk": pk,
        "sk": f"{digest[:8]}#{request_id.text}",
        "g1pk": f"L#{entry.tenant}#{commit_hour}" if elsewhere else None,
        "t": _CHARGE,
        "k": entry.key_id,
        "m": entry.model,
        "v": entry.version,
        "un": entry.unit,
        "u": entry.units,
        "r": entry.rows,
        "bi": entry.bytes_in,
        "bo": entry.bytes_out,
        "ms": entry.milliseconds,
        "ch": entry.channel.value,
        "h": entry.payload_hash,
        "n": entry.nonce,
        "g": entry.gateway_id or None,
        "ct": entry.committed_ms,
        "ex": entry.committed_ms // 1000 + LEDGER_TTL_S,
    }


def _entry(row: dict[str, Any]) -> LedgerEntry:
    tenant, text = row["pk"].split("#")[1], row["sk"].split("#", 1)[1]
    return LedgerEntry(
        tenant=tenant,
        request_id=recorded_id(text),
        key_id=row["k"],
        model=row["m"],
        version=row["v"],
        unit=row["un"],
        units=row["u"],
        rows=row["r"],
        bytes_in=row["bi"],
        bytes_out=row["bo"],
        milliseconds=row["ms"],
        channel=Channel(row["ch"]),
        payload_hash=row["h"],
        nonce=row["n"],
        committed_ms=row["ct"],
        gateway_id=row.get("g", ""),
    )
