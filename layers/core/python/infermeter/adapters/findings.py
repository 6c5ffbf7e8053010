"""Findings in the usage table: `F#<kind>` / `<epoch seconds>#<hash>`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infermeter.adapters.clients import code_of, translated
from infermeter.adapters.items import from_item, to_item
from infermeter.metering.findings import Finding, FindingKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoFindings:
    """The `FindingStore` over a table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def record(self, finding: Finding) -> bool:
        """One conditional write; the first one stands."""
        row = {
            "pk": f"F#{finding.kind.value}",
            "sk": finding.place,
            "tenant": finding.tenant,
            "at": finding.at,
            "details": dict(finding.details),
        }
        with translated("usage table"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=to_item(row),
                    ConditionExpression="attribute_not_exists(pk)",
                )
            except ClientError as error:
                if code_of(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def of_kind(self, kind: FindingKind, start: int, end: int) -> Iterator[Finding]:
        """Those of a span of time, in order."""
        if end <= start:
            return
        with translated("usage table"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :start AND :end",
                ExpressionAttributeValues={
                    ":pk": {"S": f"F#{kind.value}"},
                    ":start": {"S": f"{start:011d}"},
                    # Before every hash of the second `end`.
                    ":end": {"S": f"{end:011d}"},
                },
                ConsistentRead=True,
            )
            for page in pages:
                for item in page["Items"]:
                    row = from_item(item)
                    yield Finding(kind, row["tenant"], row["at"], row["details"])
