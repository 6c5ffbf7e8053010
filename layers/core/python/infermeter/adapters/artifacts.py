"""Model files: published ones in S3, and artefacts to publish, in S3 or in a local folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infermeter.adapters.clients import code_of, translated
from infermeter.errors import ModelUnavailable, VerificationFailed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mypy_boto3_s3 import S3Client


class S3ModelFiles:
    """Published files, below their version's prefix in the models bucket; written once."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def read(self, prefix: str, path: str) -> bytes:
        """A file's content; ModelUnavailable if it is not there."""
        content = _read(self._client, self._bucket, prefix + path)
        if content is None:
            raise ModelUnavailable(f"{prefix}{path}: expected a published file, got none")
        return content

    def write(self, prefix: str, path: str, content: bytes) -> None:
        """A new file. The version's number is nobody else's, so nothing is overwritten."""
        with translated("models bucket"):
            self._client.put_object(
                Bucket=self._bucket,
                Key=prefix + path,
                Body=content,
                IfNoneMatch="*",
                ChecksumAlgorithm="SHA256",
            )


class S3Artifact:
    """An artefact below `s3://bucket/prefix`, as a training job leaves it."""

    def __init__(self, client: S3Client, uri: str) -> None:
        self._client, self._uri = client, uri
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not bucket:
            raise VerificationFailed(f"artifact: expected s3://bucket/prefix/, got '{uri}'")
        self._bucket, self._prefix = bucket, prefix if prefix.endswith("/") else f"{prefix}/"

    def read(self, path: str) -> bytes:
        """The file's content; VerificationFailed if there is none."""
        content = _read(self._client, self._bucket, self._prefix + path)
        if content is None:
            raise VerificationFailed(f"artifact: expected '{path}' below {self._uri}, got none")
        return content


class FolderArtifact:
    """An artefact in a local folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes:
        """The file's content; VerificationFailed if there is none."""
        file = self._folder / path
        if not file.is_file():
            raise VerificationFailed(f"artifact: expected '{path}' in {self._folder}, got none")
        return file.read_bytes()


class HeldArtifact:
    """An artefact whose files are at hand."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def read(self, path: str) -> bytes:
        """The file's content; VerificationFailed if there is none."""
        if path not in self._files:
            raise VerificationFailed(f"artifact: expected '{path}', got {sorted(self._files)}")
        return self._files[path]


def _read(client: S3Client, bucket: str, key: str) -> bytes | None:
    with translated(f"bucket {bucket}"):
        try:
            return client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            # Without the right to list, S3 answers 403 for what is not there.
            if code_of(error) in {"NoSuchKey", "AccessDenied"}:
                return None
            raise
