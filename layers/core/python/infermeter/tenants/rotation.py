"""A second secret for a key, while the first still lasts: once for each rotation id.

A rotation may be asked for again, since its answer may be lost; it then gives the same secret,
though no secret is stored. So a rotation's secret is derived:

    HMAC-SHA-256(pepper, "rotation secret" | salt | key id | rotation id), as 43 letters of base 62

The salt is 128 random bits beside the secret's digest; of the rotation id a digest alone is stored.

Why that is safe. Whoever does not know the pepper cannot tell an HMAC under it from random bits,
whatever rotation ids were guessed or reused, so that the 256 bits are as good as those of a key
that is drawn. A leaked table (salt, digests) therefore verifies nothing and derives nothing, as
before. The pepper alone derives nothing either: the salt is in the table. Who has both still
lacks the rotation id; but who has both and may write could make keys anyway. What is authenticated
begins with a purpose and separates its parts by a NUL that none of them has, so that no digest of
a secret, which is 43 letters alone, is ever a derived secret, nor one rotation's another's.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from infermeter.errors import AdministrationRefused, InvalidRequest
from infermeter.tenants.keys import ALPHABET, SECRET_CHARACTERS, Key, KeySecret, digest_secret

if TYPE_CHECKING:
    from infermeter.tenants.keys import KeyRecord

DEFAULT_GRACE_S = 24 * 3600
MAX_GRACE_S = 90 * 24 * 3600
MAX_ID_CHARACTERS = 128


class Rotated(NamedTuple):
    """The new key, and when the secret before it ends (epoch seconds)."""

    key: Key
    rotation_id: str
    previous_expires_at: int | None


def check_rotation(rotation_id: str, grace_s: int) -> None:
    """Raises InvalidRequest."""
    if not (0 < len(rotation_id) <= MAX_ID_CHARACTERS and rotation_id.isprintable()):
        raise InvalidRequest(
            f"rotation id: expected 1 to {MAX_ID_CHARACTERS} printable characters, "
            f"got '{rotation_id}'"
        )
    if not 0 <= grace_s <= MAX_GRACE_S:
        raise InvalidRequest(f"grace: expected 0 to {MAX_GRACE_S} s, got {grace_s} s")


def rotation_digest(pepper: bytes, key_id: str, rotation_id: str) -> str:
    """What is stored of a rotation's id."""
    return _hmac(pepper, "rotation id", key_id, rotation_id).hex()


def new_secret(record: KeyRecord, rotation_id: str, pepper: bytes) -> tuple[Key, KeySecret]:
    """The key after a rotation, and what is stored of its secret."""
    salt = secrets.token_hex(16)
    key = derive_key(record.key_id, salt, rotation_id, pepper)
    digest = rotation_digest(pepper, record.key_id, rotation_id)
    return key, KeySecret(digest_secret(key.secret, pepper), None, salt, digest)


def derive_key(key_id: str, salt: str, rotation_id: str, pepper: bytes) -> Key:
    """The key that a rotation gave, or is to give."""
    number = int.from_bytes(_hmac(pepper, "rotation secret", salt, key_id, rotation_id))
    letters = []
    for _ in range(SECRET_CHARACTERS):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return Key(key_id, "".join(letters))


def earlier_rotation(
    record: KeyRecord, rotation_id: str, pepper: bytes, now: float
) -> Rotated | None:
    """What the rotation of this id gave, if it was made before.

    Raises AdministrationRefused when its secret has ended since.
    """
    digest = rotation_digest(pepper, record.key_id, rotation_id)
    for place, secret in enumerate(record.secrets):
        if not hmac.compare_digest(secret.rotation, digest):
            continue
        if secret not in record.live_secrets(now):
            raise AdministrationRefused(
                f"rotation '{rotation_id}': expected a new id, got that of a rotation whose key "
                "has been replaced and has ended"
            )
        previous = record.secrets[place - 1].expires_at if place else None
        key = derive_key(record.key_id, secret.salt, rotation_id, pepper)
        return Rotated(key, rotation_id, previous)
    return None


def rotate(
    record: KeyRecord, new: KeySecret, now: int, grace_s: int, *, end_older: bool
) -> KeyRecord:
    """The key's row with a new secret: the one before it ends after the grace period.

    Of two that are live the older ends at once if `end_older`; else raises AdministrationRefused.
    """
    live = record.live_secrets(now)
    if len(live) > 1 and not end_older:
        ends = min(secret.expires_at for secret in live if secret.expires_at is not None)
        raise AdministrationRefused(
            f"key '{record.key_id}': expected one live secret, got two; the older ends at "
            f"{datetime.fromtimestamp(ends, UTC):%Y-%m-%dT%H:%M:%SZ}; rotate after that, or with "
            "--now, which ends it at once"
        )
    ending = tuple(replace(secret, expires_at=now + grace_s) for secret in live[-1:])
    return replace(record, secrets=(*ending, new))


def _hmac(pepper: bytes, *parts: str) -> bytes:
    return hmac.new(pepper, "\0".join(parts).encode(), hashlib.sha256).digest()
