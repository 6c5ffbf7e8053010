"""Final statements in the archive bucket: `statements/<tenant>/<yyyy-mm>.json`, each put once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from botocore.exceptions import ClientError

from infermeter.adapters.clients import code_of, translated
from infermeter.billing.documents import parse_statement, statement_document
from infermeter.billing.statements import month_text

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from infermeter.billing.statements import Statement

_WHAT = "archive bucket"
_PREFIX = "statements/"


class S3Statements:
    """The `StatementArchive` over a bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def read(self, tenant: str, month: str) -> Statement | None:
        """One read."""
        with translated(_WHAT):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=_place(tenant, month))
                content = answer["Body"].read()
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    return None
                raise
        return parse_statement(orjson.loads(content))

    def months(self, tenant: str) -> list[str]:
        """One read for each thousand."""
        beginning = f"{_PREFIX}{tenant}/"
        with translated(_WHAT):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=beginning
            )
            keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
        return [each.removeprefix(beginning)[:7].replace("-", "") for each in keys]

    def keep(self, statement: Statement) -> bool:
        """One write into an empty place; what stands there is not replaced."""
        with translated(_WHAT):
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=_place(statement.tenant, statement.month),
                    Body=orjson.dumps(statement_document(statement)),
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if code_of(error) != "PreconditionFailed":
                    raise
                return False
        return True


def _place(tenant: str, month: str) -> str:
    return f"{_PREFIX}{tenant}/{month_text(month)}.json"
