"""Uploads: where a tenant may put its objects, and which of them a request may name.

All that a tenant may put or name lies below `s3://<bucket>/<tenant>/`; the tenant is the key's.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from blake3 import blake3

from infermeter.errors import ForeignObject, InvalidField
from infermeter.wire.excerpts import shown
from infermeter.wire.limits import MAX_OBJECT_KEY_BYTES, MAX_UPLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UPLOAD_LIFETIME_S = 15 * 60


@dataclass(frozen=True, slots=True)
class SignedPut:
    """A URL that takes one PUT, and the headers that must come with it exactly."""

    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload on offer: `size` bytes by `put` until `expires_at` (epoch seconds), then `uri`."""

    put: SignedPut
    uri: str
    size: int
    expires_at: float


class Inputs(Protocol):
    """The bucket that requests read from."""

    @property
    def bucket(self) -> str:
        """Its name."""
        ...

    def sign_put(self, key: str, size: int, lifetime_s: int) -> SignedPut:
        """For an object that is not there yet, of exactly this many bytes."""
        ...

    def read(self, key: str, limit: int) -> bytes | None:
        """The object, or None if there is none. Raises TooLarge, unread, over `limit` bytes."""
        ...


class Uploads:
    """The inputs bucket as tenants see it."""

    def __init__(self, inputs: Inputs, clock: Callable[[], float]) -> None:
        self._inputs, self._clock = inputs, clock

    def offer(self, tenant: str, size: int) -> Upload:
        """A place of its own for an upload of `size` bytes."""
        key = f"{tenant}/uploads/{uuid.uuid4()}"
        return Upload(
            put=self._inputs.sign_put(key, size, UPLOAD_LIFETIME_S),
            uri=f"s3://{self._inputs.bucket}/{key}",
            size=size,
            expires_at=self._clock() + UPLOAD_LIFETIME_S,
        )

    def reading(self, tenant: str) -> Reading:
        """For one request of this tenant."""
        return Reading(self._inputs, tenant)


class Reading:
    """What one request reads of its tenant's objects, MAX_UPLOAD_BYTES in all.

    `size` is what was read, in bytes; `digests` are the BLAKE3 of each object, in that order.
    """

    def __init__(self, inputs: Inputs, tenant: str) -> None:
        self._inputs = inputs
        self._prefix = f"s3://{inputs.bucket}/{tenant}/"
        self.size = 0
        self.digests: list[bytes] = []

    def fetch(self, uri: str, field: str = "input_uri", limit: int = MAX_UPLOAD_BYTES) -> bytes:
        """The object that a request's `field` names.

        Raises ForeignObject outside the tenant's prefix, InvalidField where nothing lies, TooLarge
        for one over `limit` bytes, or over what is left for this request.
        """
        key = uri.removeprefix(f"s3://{self._inputs.bucket}/")
        if not (uri.startswith(self._prefix) and _is_plain(key)):
            raise ForeignObject(field, prefix=self._prefix, got=shown(uri))
        content = self._inputs.read(key, min(limit, MAX_UPLOAD_BYTES - self.size))
        if content is None:
            raise InvalidField(field, expected="an upload, PUT before it is named", got="none")
        self.size += len(content)
        self.digests.append(blake3(content).digest())
        return content


def _is_plain(key: str) -> bool:
    """Whether an object may be so called: HTTP clients resolve dots, S3 refuses overlong keys."""
    return (
        key.isprintable()
        and len(key.encode()) <= MAX_OBJECT_KEY_BYTES
        and not {"", ".", ".."} & set(key.split("/"))
    )
