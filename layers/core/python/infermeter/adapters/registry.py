"""The registry table.

`MODELS/<model>` lists models. Below `M#<model>`: `META` counts versions, `V#<version>` is one,
`D#<digest>` finds it by its bytes, `A#<alias>` points at one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infermeter.adapters.clients import code_of, translated
from infermeter.adapters.items import from_item, key, to_item
from infermeter.errors import StoreUnavailable, UnknownVersion
from infermeter.registry.catalog import ModelRecord, ModelVersion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

_MODELS = "MODELS"


class DynamoRegistry:
    """The `Registry` over a DynamoDB table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def models(self) -> list[str]:
        """Every model's name, sorted."""
        return sorted(row["sk"] for row in self._rows(_MODELS))

    def model(self, model: str) -> ModelRecord | None:
        """The model with its versions, oldest first, and aliases."""
        versions, aliases = [], {}
        for row in self._rows(f"M#{model}"):
            kind, _, name = row["sk"].partition("#")
            if kind == "V":
                versions.append(_version(model, name, row))
            elif kind == "A":
                aliases[name] = row["version"]
        if not versions:
            return None
        versions.sort(key=lambda version: int(version.version))
        return ModelRecord(model, {version.version: version for version in versions}, aliases)

    def version_of_digest(self, model: str, digest: str) -> ModelVersion | None:
        """The version published from these bytes, or None."""
        found = self._get(f"M#{model}", f"D#{digest}")
        if found is None:
            return None
        row = self._get(f"M#{model}", f"V#{found['version']}")
        return None if row is None else _version(model, found["version"], row)

    def reserve_version(self, model: str) -> str:
        """The next number of an atomic counter."""
        with translated("registry table"):
            answer = self._client.update_item(
                TableName=self._table,
                Key=key(f"M#{model}", "META"),
                UpdateExpression="ADD reserved :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
                ReturnValues="UPDATED_NEW",
            )
        return str(from_item(answer["Attributes"])["reserved"])

    def add_version(self, version: ModelVersion) -> ModelVersion:
        """The version, its digest's entry and the model's listing: all or none."""
        pk = f"M#{version.model}"
        row = {
            "pk": pk,
            "sk": f"V#{version.version}",
            "digest": version.digest,
            "size": version.size,
            "published_at": version.published_at,
        }
        by_digest = {"pk": pk, "sk": f"D#{version.digest}", "version": version.version}
        puts: list[Any] = [
            _put_once(self._table, by_digest),
            _put_once(self._table, row),
            {"Put": {"TableName": self._table, "Item": key(_MODELS, version.model)}},
        ]
        with translated("registry table"):
            try:
                self._client.transact_write_items(TransactItems=puts)
            except ClientError as error:
                if code_of(error) != "TransactionCanceledException":
                    raise
                return self._standing(version, error)
        return version

    def move_alias(self, model: str, alias: str, version: str) -> None:
        """The alias, on condition that the version stands."""
        pk = f"M#{model}"
        with translated("registry table"):
            try:
                self._client.transact_write_items(
                    TransactItems=[
                        {
                            "ConditionCheck": {
                                "TableName": self._table,
                                "Key": key(pk, f"V#{version}"),
                                "ConditionExpression": "attribute_exists(pk)",
                            }
                        },
                        {
                            "Put": {
                                "TableName": self._table,
                                "Item": to_item({"pk": pk, "sk": f"A#{alias}", "version": version}),
                            }
                        },
                    ]
                )
            except ClientError as error:
                if code_of(error) == "TransactionCanceledException" and _condition_failed(error):
                    raise UnknownVersion(model, version, "the published ones") from None
                raise

    def _standing(self, version: ModelVersion, error: ClientError) -> ModelVersion:
        """Somebody registered the same bytes meanwhile: theirs is the version."""
        standing = self.version_of_digest(version.model, version.digest)
        if standing is None:
            raise StoreUnavailable("registry table: TransactionCanceled; retry") from error
        return standing

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        with translated("registry table"):
            answer = self._client.get_item(
                TableName=self._table, Key=key(pk, sk), ConsistentRead=True
            )
        return from_item(answer["Item"]) if "Item" in answer else None

    def _rows(self, pk: str) -> Iterator[dict[str, Any]]:
        with translated("registry table"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": pk}},
                ConsistentRead=True,
            )
            for page in pages:
                for item in page["Items"]:
                    yield from_item(item)


def _put_once(table: str, row: dict[str, Any]) -> dict[str, Any]:
    condition = "attribute_not_exists(pk)"
    return {"Put": {"TableName": table, "Item": to_item(row), "ConditionExpression": condition}}


def _condition_failed(error: ClientError) -> bool:
    response: dict[str, Any] = dict(error.response)
    reasons = response.get("CancellationReasons", [])
    return any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons)


def _version(model: str, version: str, row: dict[str, Any]) -> ModelVersion:
    return ModelVersion(model, version, row["digest"], row["size"], row["published_at"])
