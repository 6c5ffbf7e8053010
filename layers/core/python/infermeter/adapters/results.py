"""Results of queued requests in S3: `<tenant>/<yyyy>/<mm>/<dd>/<percent-encoded id>.json`.

The date is the id's own (for an opaque id, two hex digits of its hash stand in its place), so a
redelivery finds the first answer; that one stands, as the write asks for an empty place. Only a
failure, which was not charged, gives way to the answer of a request that came after it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.exceptions import ClientError

from infermeter.adapters.clients import code_of, translated
from infermeter.errors import RequestIdReused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from infermeter.metering.ids import RequestId

_HASH, _STATUS, _VERSION = "payload-hash", "status", "model-version"
_SUCCEEDED, _FAILED = "succeeded", "failed"


class S3Results:
    """The results bucket. Each result's metadata say whose it is, and whether it is an answer."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def write(
        self,
        tenant: str,
        request_id: RequestId,
        document: bytes,
        payload_hash: str,
        version: str,
    ) -> str:
        """Stores a version's answer; the version whose answer stands.

        The same payload's first one does; a failure gives way to it. Raises RequestIdReused when
        another payload's answer stands under this id.
        """
        place = result_key(tenant, request_id)
        facts = {_HASH: payload_hash, _STATUS: _SUCCEEDED, _VERSION: version}
        with translated("results bucket"):
            if self._put_first(place, document, facts):
                return version
            found = self._client.head_object(Bucket=self._bucket, Key=place)
            standing = found["Metadata"]
            if standing.get(_STATUS) == _FAILED:
                self._put(place, document, facts, IfMatch=found["ETag"])
                return version
        if standing.get(_HASH) != payload_hash:
            raise RequestIdReused(request_id.text)
        return standing.get(_VERSION, version)

    def write_failure(
        self, tenant: str, request_id: RequestId, document: bytes, payload_hash: str
    ) -> None:
        """Stores why there is no answer, unless something stands under this id."""
        place, facts = result_key(tenant, request_id), {_HASH: payload_hash, _STATUS: _FAILED}
        with translated("results bucket"):
            self._put_first(place, document, facts)

    def retract(
        self, tenant: str, request_id: RequestId, document: bytes, payload_hash: str
    ) -> bool:
        """Puts a failure in place of this payload's answer; False if another payload's stands."""
        place, facts = result_key(tenant, request_id), {_HASH: payload_hash, _STATUS: _FAILED}
        with translated("results bucket"):
            standing = self._client.head_object(Bucket=self._bucket, Key=place)
            if standing["Metadata"].get(_HASH) != payload_hash:
                return False
            self._put(place, document, facts, IfMatch=standing["ETag"])
            return True

    def _put_first(self, place: str, document: bytes, facts: dict[str, str]) -> bool:
        try:
            self._put(place, document, facts, IfNoneMatch="*")
        except ClientError as error:
            if code_of(error) != "PreconditionFailed":
                raise
            return False
        return True

    def _put(self, place: str, document: bytes, facts: dict[str, str], **condition: str) -> None:
        self._client.put_object(
            Bucket=self._bucket,
            Key=place,
            Body=document,
            ContentType="application/json",
            Metadata=facts,
            **condition,  # type: ignore[arg-type]  # one optional keyword of many
        )


def result_key(tenant: str, request_id: RequestId) -> str:
    """Where the result of a request lies."""
    return f"{result_place(tenant, request_id)}.json"


def result_place(tenant: str, request_id: RequestId) -> str:
    """What the keys of all that one request leaves begin with."""
    name = quote(request_id.text, safe="")
    if request_id.time_ms is None:
        return f"{tenant}/{request_id.sha256()[:2]}/{name}"
    day = datetime.fromtimestamp(request_id.time_ms / 1000, UTC)
    return f"{tenant}/{day:%Y/%m/%d}/{name}"
