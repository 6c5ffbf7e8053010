"""From what a caller shows to who pays."""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infermeter.errors import Unauthenticated
from infermeter.tenants.keys import KEY_ID, digest_secret, parse_key
from infermeter.tenants.scopes import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Callable

    from infermeter.limits.terms import Limited
    from infermeter.tenants.keys import KeyRecord, KeyStore
    from infermeter.tenants.scopes import Scopes

# A revoked key is refused everywhere within this time.
KEY_CACHE_S = 30
_MAX_CACHED = 10_000


@dataclass(frozen=True, slots=True)
class Principal:
    """Who pays: the tenant always comes from the key, never from a payload.

    `price` is the plan and its version in force ("<plan>:<version>"; "" for none); `limited` what
    bounds the key's use, its own and its tenant's.
    """

    tenant: str
    key_id: str
    scopes: Scopes = EVERYTHING
    limited: tuple[Limited, ...] = ()
    price: str = ""


class Authenticator:
    """Verifies keys; rows are remembered for `KEY_CACHE_S` at most, absence never."""

    def __init__(
        self, store: KeyStore, pepper: Callable[[], bytes], clock: Callable[[], float]
    ) -> None:
        self._store, self._pepper, self._clock = store, pepper, clock
        self._cache: dict[str, tuple[float, KeyRecord]] = {}
        # Keys that were verified, with the time until which their rows may be believed.
        self._verified: dict[str, tuple[float, Principal]] = {}

    def by_secret(self, text: str | None) -> Principal:
        """The principal of a full key.

        Raises Unauthenticated: no key, a mistyped one (before any read), one not known, revoked
        or expired. The message never repeats the key, nor says which part was wrong.
        """
        if not text:
            raise Unauthenticated(
                "API key: expected 'Authorization: Bearer <key>' or 'x-api-key: <key>', got neither"
            )
        verified = self._verified.get(text)
        if verified is not None and self._clock() < verified[0]:
            return verified[1]
        key = parse_key(text)
        if key is None:
            raise Unauthenticated(
                "API key: expected im_live_<id>_<secret>_<checksum>, got another form"
            )
        record = self._record(key.id)
        given = digest_secret(key.secret, self._pepper())
        valid_until = 0.0 if record is None else self._valid_until(record, given)
        if record is None or self._clock() >= valid_until:
            raise Unauthenticated(
                "API key: expected a valid key, got one that is unknown or revoked"
            )
        principal = Principal(record.tenant, record.key_id)
        if len(self._verified) >= _MAX_CACHED:
            self._verified.clear()
        read_at, _ = self._cache[key.id]
        self._verified[text] = (min(read_at + KEY_CACHE_S, valid_until), principal)
        return principal

    def by_key_id(self, key_id: str) -> Principal:
        """The principal of a public key id, for transports whose senders IAM has let in.

        Raises Unauthenticated for an id that is not known or revoked.
        """
        record = self._record(key_id) if KEY_ID.fullmatch(key_id) else None
        if record is None or record.revoked_at is not None:
            raise Unauthenticated(f"key_id: expected that of an active key, got '{key_id}'")
        return Principal(record.tenant, record.key_id)

    @staticmethod
    def _valid_until(record: KeyRecord, given: str) -> float:
        """When the given secret stops being valid; 0 for one that is none of the key's."""
        matches = [
            math.inf if secret.expires_at is None else secret.expires_at
            for secret in record.secrets
            if hmac.compare_digest(secret.digest, given)
        ]
        return max(matches, default=0.0) if record.revoked_at is None else 0.0

    def _record(self, key_id: str) -> KeyRecord | None:
        now = self._clock()
        cached = self._cache.get(key_id)
        if cached is not None and now - cached[0] < KEY_CACHE_S:
            return cached[1]
        self._cache.pop(key_id, None)
        record = self._store.key(key_id)
        if record is not None:
            if len(self._cache) >= _MAX_CACHED:
                self._cache.clear()
            self._cache[key_id] = (now, record)
        return record
