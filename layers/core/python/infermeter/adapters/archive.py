"""The archive bucket, and the ledger's stream that fills it.

`ledger/dt=<yyyy-mm-dd>/hour=<hh>/<name>-<content hash>.jsonl.gz` holds entries by hour of commit;
`seals/<tenant>/<yyyymmddhh>-<content hash>.bin.gz` the identities that a seal covers. All are named
by what they hold: writing one again changes nothing.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from infermeter.adapters.clients import translated
from infermeter.adapters.ledger import entry_of
from infermeter.errors import StoreUnavailable
from infermeter.metering.archive import Change, ChangeType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from mypy_boto3_s3 import S3Client

# Objects on their way at once: a busy hour has thousands, and each takes some 20 ms to arrive.
_AHEAD = 8
_HASH_CHARACTERS = 16
_IDENTITY_BYTES = 16
_TTL_PRINCIPAL = "dynamodb.amazonaws.com"


class S3Archive:
    """The `Archive` over a bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def write(self, hour: str, name: str, lines: Sequence[bytes]) -> None:
        """One object."""
        content = b"".join(line + b"\n" for line in lines)
        key = f"{_prefix(hour)}{name}-{_hash(content)[:_HASH_CHARACTERS]}.jsonl.gz"
        _put(self._client, self._bucket, key, content)

    def lines(self, hour: str) -> Iterator[bytes]:
        """Object by object, the next few already on their way."""
        with ThreadPoolExecutor(_AHEAD) as pool:
            coming: deque[Future[bytes]] = deque()
            for key in self._keys(_prefix(hour)):
                coming.append(pool.submit(self._read, key))
                if len(coming) == _AHEAD:
                    yield from coming.popleft().result().splitlines()
            while coming:
                yield from coming.popleft().result().splitlines()

    def _keys(self, prefix: str) -> Iterator[str]:
        with translated("archive bucket"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            )
            for page in pages:
                for each in page.get("Contents", ()):
                    yield each["Key"]

    def _read(self, key: str) -> bytes:
        return _get(self._client, self._bucket, key)


class S3Manifests:
    """The `ManifestStore` over the same bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def write(self, tenant: str, hour: str, identities: frozenset[bytes]) -> str:
        """One object. Two runs with different identities do not write over one another."""
        content = b"".join(sorted(identities))
        manifest = _hash(content)
        _put(self._client, self._bucket, _manifest_key(tenant, hour, manifest), content)
        return manifest

    def read(self, tenant: str, hour: str, manifest: str) -> frozenset[bytes]:
        """One object, whose hash is checked."""
        key = _manifest_key(tenant, hour, manifest)
        content = _get(self._client, self._bucket, key)
        if _hash(content) != manifest:
            raise StoreUnavailable(
                f"archive bucket: expected '{key}' as its seal names it, got other content; "
                "restore it from the bucket's versions"
            )
        steps = range(0, len(content), _IDENTITY_BYTES)
        return frozenset(content[step : step + _IDENTITY_BYTES] for step in steps)


def change_of(record: Mapping[str, Any]) -> Change:
    """A record of the ledger's stream (NEW_IMAGE), as the event source mapping delivers it."""
    change, where = record["dynamodb"], record["dynamodb"]["Keys"]
    pk, sk = where["pk"]["S"], where["sk"]["S"]
    type_, entry = ChangeType(record["eventName"]), None
    if type_ is ChangeType.REMOVED and _by_ttl(record.get("userIdentity")):
        type_ = ChangeType.EXPIRED
    if type_ is ChangeType.INSERTED:
        try:
            entry = entry_of(change["NewImage"])
        except (KeyError, ValueError, IndexError):
            entry = None  # not put by a ledger: the archiver says so
    return Change(
        type=type_,
        sequence=change["SequenceNumber"],
        tenant=f"{pk}#".split("#")[1],
        place=f"{pk} {sk}",
        at=int(change.get("ApproximateCreationDateTime", 0)),
        entry=entry,
    )


def _by_ttl(identity: Mapping[str, Any] | None) -> bool:
    who = {name.lower(): value for name, value in (identity or {}).items()}
    return who.get("type") == "Service" and who.get("principalid") == _TTL_PRINCIPAL


def _prefix(hour: str) -> str:
    return f"ledger/dt={hour[:4]}-{hour[4:6]}-{hour[6:8]}/hour={hour[8:]}/"


def _manifest_key(tenant: str, hour: str, manifest: str) -> str:
    return f"seals/{tenant}/{hour}-{manifest[:_HASH_CHARACTERS]}.bin.gz"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _put(client: S3Client, bucket: str, key: str, content: bytes) -> None:
    with translated("archive bucket"):
        client.put_object(Bucket=bucket, Key=key, Body=gzip.compress(content, mtime=0))


def _get(client: S3Client, bucket: str, key: str) -> bytes:
    with translated("archive bucket"):
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise StoreUnavailable(
            f"archive bucket: expected '{key}' compressed by gzip, got other content"
        ) from error
