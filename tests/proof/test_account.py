"""The account in memory against moto's: the same calls, the same answers and items."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infermeter.adapters.items import to_item
from tests.proof.account import Account, pages

if TYPE_CHECKING:
    from tests.cloud import Cloud

TABLE = "ledger"
STANDING = {"pk": "a", "sk": "1", "n": 5, "s": "text", "m": {"x": 1}, "l": ["p", "q"]}
VALUES = {":zero": 0, ":five": 5, ":nine": 9, ":t": "te", ":other": "q"}
CONDITIONS = (
    "attribute_not_exists(pk)",
    "attribute_exists(pk) AND n = :five",
    "n < :five OR n >= :nine",
    "NOT (n BETWEEN :zero AND :nine)",
    "n IN (:zero, :five)",
    "begins_with(s, :t) AND n <> :nine",
    "contains(l, :other)",
    "#name = :five AND gone < :nine",
    "attribute_not_exists(gone) AND m.x > :zero",
    "gone = :five OR gone <> :five",
    "(n = :zero OR n = :five) AND NOT s = :t",
)
UPDATES = (
    "SET n = n + :five",
    "SET n = if_not_exists(n, :zero) + :nine, s = :t",
    "SET c = if_not_exists(c, :zero) + :nine",
    "SET n = c, s = :t",
    "ADD n :five, c :nine SET s = :t",
    "REMOVE s, l SET #name = n - :nine",
    "SET m.y = :five REMOVE m.x",
    "SET n = gone + :five",
)


@pytest.fixture
def both(cloud: Cloud) -> tuple[Any, Any]:
    """Clients of the two."""
    return boto3.client("dynamodb"), Account(time.time).service("dynamodb")


def outcome(client: Any, operation: str, **call: Any) -> object:
    """What a call answers, or the code that it fails with and the item that stands."""
    try:
        answer = getattr(client, operation)(**call)
    except ClientError as error:
        reasons = error.response.get("CancellationReasons", [])
        code, item = error.response["Error"]["Code"], error.response.get("Item")
        return code, item, [reason["Code"] for reason in reasons]
    return {name: value for name, value in answer.items() if name in {"Item", "Attributes"}}


def used(expression: str) -> dict[str, Any]:
    """The names and values that an expression uses: others are refused."""
    values = {name: value for name, value in VALUES.items() if f"{name}" in _words(expression)}
    names = {"#name": "n"} if "#name" in expression else {}
    return {
        **({"ExpressionAttributeValues": to_item(values)} if values else {}),
        **({"ExpressionAttributeNames": names} if names else {}),
    }


def _words(expression: str) -> list[str]:
    return expression.replace("(", " ").replace(")", " ").replace(",", " ").split()


def stored(client: Any, pk: str, sk: str) -> object:
    return client.get_item(TableName=TABLE, Key=to_item({"pk": pk, "sk": sk})).get("Item")


@pytest.mark.parametrize("expression", CONDITIONS)
def test_conditions(both: tuple[Any, Any], expression: str) -> None:
    met = []
    for client in both:
        client.put_item(TableName=TABLE, Item=to_item(STANDING))
        met.append(
            [
                outcome(
                    client,
                    "put_item",
                    TableName=TABLE,
                    Item=to_item({"pk": "a", "sk": sk, "new": 1}),
                    ConditionExpression=expression,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **used(expression),
                )
                for sk in ("1", "2")
            ]
        )
        met[-1] += [stored(client, "a", sk) for sk in ("1", "2")]
    assert met[0] == met[1]


@pytest.mark.parametrize("wanted", ["ALL_NEW", "ALL_OLD", "UPDATED_NEW", "NONE"])
@pytest.mark.parametrize("expression", UPDATES)
def test_updates(both: tuple[Any, Any], expression: str, wanted: str) -> None:
    met = []
    for client in both:
        client.put_item(TableName=TABLE, Item=to_item(STANDING | {"c": 1}))
        answer = outcome(
            client,
            "update_item",
            TableName=TABLE,
            Key=to_item({"pk": "a", "sk": "1"}),
            UpdateExpression=expression,
            ReturnValues=wanted,
            **used(expression),
        )
        met.append((answer, stored(client, "a", "1")))
    assert met[0] == met[1]


def test_an_update_makes_an_item(both: tuple[Any, Any]) -> None:
    met = []
    for client in both:
        outcome(
            client,
            "update_item",
            TableName=TABLE,
            Key=to_item({"pk": "b", "sk": "1"}),
            UpdateExpression="ADD n :five SET s = :t",
            **used("ADD n :five SET s = :t"),
        )
        met.append(stored(client, "b", "1"))
    assert met[0] == met[1]


@pytest.mark.parametrize("condition", ["attribute_not_exists(pk)", "attribute_exists(pk)"])
def test_transactions_are_all_or_none(both: tuple[Any, Any], condition: str) -> None:
    met = []
    for client in both:
        client.put_item(TableName=TABLE, Item=to_item(STANDING))
        acts = [
            {"Put": {"TableName": TABLE, "Item": to_item({"pk": "a", "sk": "2"})}},
            {
                "Update": {
                    "TableName": TABLE,
                    "Key": to_item({"pk": "a", "sk": "1"}),
                    "UpdateExpression": "SET n = n + :five",
                    "ConditionExpression": condition,
                    **used("SET n = n + :five"),
                }
            },
        ]
        answer = outcome(client, "transact_write_items", TransactItems=acts)
        met.append((answer, stored(client, "a", "1"), stored(client, "a", "2")))
    assert met[0] == met[1]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize(
    ("index", "condition", "values"),
    [
        (None, "pk = :a", {":a": "a"}),
        (None, "pk = :a AND begins_with(sk, :b)", {":a": "a", ":b": "1"}),
        (None, "pk = :a AND sk BETWEEN :b AND :c", {":a": "a", ":b": "10", ":c": "13"}),
        (None, "pk = :a AND sk >= :b", {":a": "a", ":b": "13"}),
        ("commit-hour", "g1pk = :a", {":a": "g"}),
    ],
)
def test_queries_read_to_the_end(
    both: tuple[Any, Any], index: str | None, condition: str, values: dict[str, str], forward: bool
) -> None:
    met = []
    for client in both:
        for number in range(9):
            row = {"pk": "a", "sk": str(10 + number), "g1pk": "g" if number % 2 else None}
            client.put_item(TableName=TABLE, Item=to_item(row))
        call: dict[str, Any] = {
            "TableName": TABLE,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": to_item(values),
            "ScanIndexForward": forward,
            **({"IndexName": index} if index else {}),
        }
        met.append([item for page in pages(client.query, **call) for item in page["Items"]])
    assert met[0] == met[1]
    assert met[0]


def test_an_object_is_put_first_or_in_place_of_what_was_read(cloud: Cloud) -> None:
    bucket = cloud.resources.results_bucket
    met = []
    for client in (boto3.client("s3"), Account(time.time).service("s3")):

        def put(client: Any = client, **condition: str) -> object:
            return outcome(client, "put_object", Bucket=bucket, Key="k", Body=b"x", **condition)

        answers = [put(IfNoneMatch="*"), put(IfNoneMatch="*"), put(IfMatch='"other"')]
        found = client.head_object(Bucket=bucket, Key="k")
        answers.append(put(IfMatch=found["ETag"]))
        answers.append(outcome(client, "get_object", Bucket=bucket, Key="none"))
        answers.append(outcome(client, "head_object", Bucket=bucket, Key="none"))
        met.append(answers)
    assert met[0] == met[1]
