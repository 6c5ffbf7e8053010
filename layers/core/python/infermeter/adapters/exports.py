"""What the export reads and writes beside its outbox: its configuration, tokens, files.

In the usage table `XC#CONFIGURATION`/`META` holds targets and meters, `XC#ACCOUNTS`/
`<target>#<tenant>` an account. The tokens are one secret: a JSON object of target and token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from infermeter.adapters.clients import translated
from infermeter.adapters.items import from_item, key, to_item
from infermeter.errors import AdministrationRefused
from infermeter.export.configuration import Account, Configuration, parse_configuration

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

_CONFIGURATION, _ACCOUNTS = "XC#CONFIGURATION", "XC#ACCOUNTS"


class DynamoExports:
    """The `ExportStore` over a table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def configuration(self) -> Configuration:
        """One read."""
        with translated("usage table"):
            answer = self._client.get_item(
                TableName=self._table, Key=key(_CONFIGURATION, "META"), ConsistentRead=True
            )
        if "Item" not in answer:
            return Configuration()
        return parse_configuration(from_item(answer["Item"]))

    def put(self, configuration: Configuration) -> None:
        """One write."""
        row = {"pk": _CONFIGURATION, "sk": "META", **configuration.document()}
        with translated("usage table"):
            self._client.put_item(TableName=self._table, Item=to_item(row))

    def accounts(self) -> list[Account]:
        """One query."""
        with translated("usage table"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": _ACCOUNTS}},
                ConsistentRead=True,
            )
            return [_account(from_item(item)) for page in pages for item in page["Items"]]

    def add(self, account: Account) -> None:
        """One write."""
        row = {
            "pk": _ACCOUNTS,
            "sk": f"{account.target}#{account.tenant}",
            "customer": account.customer,
            "licence": account.licence,
            "start": account.start,
            "end": account.end,
        }
        with translated("usage table"):
            self._client.put_item(TableName=self._table, Item=to_item(row))


class SecretTokens:
    """The targets' tokens, read anew each time: a token may be replaced between two runs.

    No error repeats what the secret holds.
    """

    def __init__(self, client: SecretsManagerClient, arn: str) -> None:
        self._client, self._arn = client, arn

    def __call__(self, name: str) -> str:
        """A target's token. Raises AdministrationRefused where there is none."""
        token = self._tokens().get(name)
        if not isinstance(token, str) or not token:
            raise AdministrationRefused(
                f"export secret: expected a token '{name}', got none; `exports token` keeps it"
            )
        return token.strip()

    def keep(self, name: str, token: str) -> None:
        """Puts a token beside the others, in the place of a former one of its name."""
        text = orjson.dumps({**self._tokens(), name: token}).decode()
        with translated("export secret"):
            self._client.put_secret_value(SecretId=self._arn, SecretString=text)

    def _tokens(self) -> dict[str, Any]:
        with translated("export secret"):
            text = self._client.get_secret_value(SecretId=self._arn)["SecretString"]
        try:
            tokens = orjson.loads(text)
        except ValueError:
            tokens = None
        if not isinstance(tokens, dict):
            raise AdministrationRefused(
                "export secret: expected a JSON object of targets and tokens, got other content"
            )
        return tokens


class ArchiveFiles:
    """Files in the archive bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def __call__(self, key: str, content: bytes) -> None:
        """One write."""
        with translated("archive bucket"):
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=content, ContentType="text/csv; charset=utf-8"
            )


def _account(row: dict[str, Any]) -> Account:
    target, tenant = row["sk"].split("#")
    return Account(tenant, target, row["customer"], row["start"], row["licence"], row["end"])
