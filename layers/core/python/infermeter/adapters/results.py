"""Results of queued requests in S3: `<tenant>/<yyyy>/<mm>/<dd>/<percent-encoded id>.json`.

The date is the id's own (for an opaque id, two hex digits of its hash stand in its place), so a
redelivery finds the first result; that one stands, as the write asks for an empty place.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.exceptions import ClientError

from infermeter.adapters.clients import code_of, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from infermeter.metering.ids import RequestId

_HASH = "payload-hash"


class S3Results:
    """The results bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def write(self, tenant: str, request_id: RequestId, document: bytes, payload_hash: str) -> None:
        """Stores the result unless one stands under this id already."""
        with translated("results bucket"):
            try:
                self._put(tenant, request_id, document, payload_hash, if_none_match="*")
            except ClientError as error:
                if code_of(error) != "PreconditionFailed":
                    raise

    def replace(
        self, tenant: str, request_id: RequestId, document: bytes, payload_hash: str
    ) -> bool:
        """Replaces the result that the same payload left; False if another payload's stands."""
        with translated("results bucket"):
            standing = self._client.head_object(
                Bucket=self._bucket, Key=result_key(tenant, request_id)
            )
            if standing["Metadata"].get(_HASH) != payload_hash:
                return False
            self._put(tenant, request_id, document, payload_hash)
            return True

    def _put(
        self,
        tenant: str,
        request_id: RequestId,
        document: bytes,
        payload_hash: str,
        if_none_match: str | None = None,
    ) -> None:
        condition = {} if if_none_match is None else {"IfNoneMatch": if_none_match}
        self._client.put_object(
            Bucket=self._bucket,
            Key=result_key(tenant, request_id),
            Body=document,
            ContentType="application/json",
            Metadata={_HASH: payload_hash},
            **condition,  # type: ignore[arg-type]  # one optional keyword of many
        )


def result_key(tenant: str, request_id: RequestId) -> str:
    """Where the result of a request lies."""
    name = quote(request_id.text, safe="")
    if request_id.time_ms is None:
        return f"{tenant}/{request_id.sha256()[:2]}/{name}.json"
    day = datetime.fromtimestamp(request_id.time_ms / 1000, UTC)
    return f"{tenant}/{day:%Y/%m/%d}/{name}.json"
