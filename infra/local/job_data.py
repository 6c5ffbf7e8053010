"""What a training job reads from S3 and writes there."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3 import S3Client


class JobFailed(Exception):
    """The job ended in failure; the message is its FailureReason."""


class JobData:
    """Copies between S3 addresses and folders."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3

    def fetch(self, uri: str, folder: Path) -> int:
        """Download every object below a prefix; returns how many there were."""
        bucket, prefix = split_uri(uri)
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        keys = [key for key in keys if not key.endswith("/")]
        for key in keys:
            path = folder / relative_path(key, prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._s3.download_file(bucket, key, str(path))
        return len(keys)

    def store(self, folder: Path, uri: str) -> None:
        """Upload every file of a folder, under its path there."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.store_file(path, f"{uri}/{path.relative_to(folder).as_posix()}")

    def store_file(self, path: Path, uri: str) -> None:
        bucket, key = split_uri(uri)
        self._s3.upload_file(str(path), bucket, key)


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key` or of the https form that the CDK renders."""
    if match := re.match(r"https://s3[^/]*/([^/]+)/?(.*)", uri):
        return match[1], match[2]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def relative_path(key: str, prefix: str) -> PurePosixPath:
    """Where an object of a channel lies in the channel's folder.

    Raises JobFailed for a key that would leave the folder.
    """
    if key == prefix:
        path = PurePosixPath(PurePosixPath(key).name)
    elif prefix.endswith("/") or not prefix:
        path = PurePosixPath(key.removeprefix(prefix))
    elif key.startswith(prefix + "/"):
        path = PurePosixPath(key.removeprefix(prefix + "/"))
    else:  # the prefix ends within a name
        path = PurePosixPath(key.removeprefix(prefix.rpartition("/")[0]).lstrip("/"))
    if path.is_absolute() or ".." in path.parts:
        raise JobFailed(f"ClientError: the key {key} leaves the channel's folder")
    return path
