"""Large tensors in S3: uploads in the inputs bucket, answers in the results bucket."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infermeter.adapters.clients import code_of, translated
from infermeter.adapters.results import result_place
from infermeter.errors import TooLarge
from infermeter.transfers.uploads import SignedPut

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from infermeter.service import Call

_OCTETS = "application/octet-stream"


class S3Inputs:
    """The inputs bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self.bucket = client, bucket

    def sign_put(self, key: str, size: int, lifetime_s: int) -> SignedPut:
        """For an object that is not there yet, of exactly this many bytes: both are signed."""
        with translated("inputs bucket"):
            url = self._client.generate_presigned_url(
                "put_object",
                Params={
                    "Bucket": self.bucket,
                    "Key": key,
                    "ContentLength": size,
                    "IfNoneMatch": "*",
                },
                ExpiresIn=lifetime_s,
            )
        return SignedPut(url, {"content-length": str(size), "if-none-match": "*"})

    def read(self, key: str, limit: int) -> bytes | None:
        """The object, or None if there is none. Raises TooLarge, unread, over `limit` bytes."""
        with translated("inputs bucket"):
            try:
                found = self._client.get_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                # Without the right to list, S3 answers 403 for what is not there.
                if code_of(error) in {"NoSuchKey", "AccessDenied"}:
                    return None
                raise
            with closing(found["Body"]) as body:
                if found["ContentLength"] > limit:
                    raise TooLarge(
                        f"s3://{self.bucket}/{key}",
                        limit=limit,
                        got=found["ContentLength"],
                        unit="bytes",
                        remedy="that is for all that one request reads: send fewer rows",
                    )
                return body.read()


class S3Answers:
    """Answers in the results bucket, beside those of queued requests: `….<version>.<hash>.bin`.

    The version and the payload's hash are in the key: what another payload under the same id, or
    another version behind the same alias, answered without being charged is never given for it.
    """

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def put(self, call: Call, version: str, content: bytes) -> None:
        """Stores what this version answered. The first content stands: a replay finds it."""
        with translated("results bucket"):
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=answer_key(call, version),
                    Body=content,
                    ContentType=_OCTETS,
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if code_of(error) != "PreconditionFailed":
                    raise

    def sign_get(self, call: Call, version: str, lifetime_s: int) -> str:
        """A URL that reads it."""
        with translated("results bucket"):
            return self._client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self._bucket, "Key": answer_key(call, version)},
                ExpiresIn=lifetime_s,
            )


def answer_key(call: Call, version: str) -> str:
    """Where a large answer lies."""
    place = result_place(call.principal.tenant, call.request_id)
    return f"{place}.{version}.{call.payload_hash}.bin"
