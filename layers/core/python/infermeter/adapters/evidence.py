"""Reconciliation's evidence and progress in the usage table, with puts alone.

`R#<hour>` / `<n>`: up to 4,000 marks of each kind, in hexadecimal without anything between;
`R#<hour>` / `whole`: that all rows are there; `R#WAITING` / `<hour>#<n>`: what waits;
`R#PROGRESS` / `<task>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infermeter.adapters.clients import translated
from infermeter.adapters.items import from_item, key, to_item
from infermeter.reconciliation.evidence import Evidence, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

# An item holds 400 KB, a mark takes 32 B, and there are three kinds.
MARKS = 4000
WAITING = 1000
_MARK = 32
_KINDS = ("served", "refused", "unlogged")


class DynamoEvidence:
    """The `EvidenceStore` over a table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def keep(self, hour: str, evidence: Evidence) -> None:
        """The row that says that it is whole comes last."""
        marks = {kind: sorted(getattr(evidence, kind)) for kind in _KINDS}
        rows = -(-max(map(len, marks.values())) // MARKS)
        for n in range(rows):
            part = slice(n * MARKS, (n + 1) * MARKS)
            self._put(
                f"R#{hour}", f"{n:06}", **{kind: _joined(marks[kind][part]) for kind in _KINDS}
            )
        self._put(f"R#{hour}", "whole", rows=rows, unexplained=evidence.unexplained)

    def of_hour(self, hour: str) -> Evidence | None:
        """All rows; those of a longer list that was kept before are left out."""
        rows = list(self._rows(f"R#{hour}"))
        if not rows or rows[-1]["sk"] != "whole":
            return None
        whole = rows.pop()
        found = Evidence(unexplained=whole["unexplained"])
        for row in rows[: whole["rows"]]:
            served, refused, unlogged = (frozenset(_split(row[kind])) for kind in _KINDS)
            found = found.plus(Evidence(served, refused, unlogged))
        return found

    def keep_waiting(self, hour: str, waiting: Sequence[Waiting]) -> None:
        """In place of the rows that there were."""
        known = sum(row["sk"].startswith(hour) for row in self._rows("R#WAITING"))
        for n in range(max(known, -(-len(waiting) // WAITING))):
            part = waiting[n * WAITING : (n + 1) * WAITING]
            listed = [[each.tenant, each.request_id] for each in part]
            self._put("R#WAITING", f"{hour}#{n:06}", waiting=listed)

    def waiting(self) -> list[Waiting]:
        """By hour."""
        return [
            Waiting(row["sk"].partition("#")[0], *each)
            for row in self._rows("R#WAITING")
            for each in row["waiting"]
        ]

    def progress(self, task: str) -> str:
        """One read."""
        with translated("usage table"):
            answer = self._client.get_item(
                TableName=self._table, Key=key("R#PROGRESS", task), ConsistentRead=True
            )
        return str(from_item(answer["Item"])["reached"]) if "Item" in answer else ""

    def advance(self, task: str, reached: str) -> None:
        """One write."""
        self._put("R#PROGRESS", task, reached=reached)

    def _put(self, pk: str, sk: str, **values: Any) -> None:
        with translated("usage table"):
            self._client.put_item(
                TableName=self._table, Item=to_item({"pk": pk, "sk": sk, **values})
            )

    def _rows(self, pk: str) -> Iterator[dict[str, Any]]:
        with translated("usage table"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": pk}},
                ConsistentRead=True,
            )
            for page in pages:
                for item in page["Items"]:
                    yield from_item(item)


def _joined(marks: Iterable[bytes]) -> str:
    return b"".join(marks).hex()


def _split(text: str) -> Iterator[bytes]:
    for start in range(0, len(text), _MARK):
        yield bytes.fromhex(text[start : start + _MARK])
