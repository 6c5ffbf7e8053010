"""Queries of many partitions, most of which may be empty: side by side, and no more held than a few
short pages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

# botocore keeps ten connections. A first page is short, as so many are held at once.
_AT_ONCE, _FIRST_PAGE = 8, 500


def items(client: DynamoDBClient, queries: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Everything that the queries find, one query after the other.

    Of many the first pages are read side by side: 512 that find nothing take 0.7 s at 4 ms a trip,
    and 0.5 s of that is botocore's own work.
    """
    if len(queries) < _AT_ONCE:
        for query in queries:
            yield from _rest(client, query)
        return
    read = partial(_first_page, client)
    with ThreadPoolExecutor(_AT_ONCE, "query") as pool:
        for start in range(0, len(queries), _AT_ONCE):
            some = queries[start : start + _AT_ONCE]
            for query, page in zip(some, pool.map(read, some), strict=True):
                yield from page["Items"]
                if last := page.get("LastEvaluatedKey"):
                    yield from _rest(client, {**query, "ExclusiveStartKey": last})


def _first_page(client: DynamoDBClient, query: Mapping[str, Any]) -> dict[str, Any]:
    return dict(client.query(**query, Limit=_FIRST_PAGE))


def _rest(client: DynamoDBClient, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator("query").paginate(**query):
        yield from page["Items"]
