"""What the operator does with keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.errors import UnknownKey
from infermeter.tenants.keys import (
    Key,
    KeyRecord,
    KeySecret,
    check_tenant_name,
    digest_secret,
    new_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from infermeter.tenants.keys import KeyStore


class KeyAdministration:
    """Creates and revokes keys."""

    def __init__(
        self, store: KeyStore, pepper: Callable[[], bytes], clock: Callable[[], float]
    ) -> None:
        self._store, self._pepper, self._clock = store, pepper, clock

    def create(self, tenant: str) -> Key:
        """A new key of the tenant, which is made if it is new. Without a plan it has no limits.

        The returned key is the only copy of its secret. Raises InvalidRequest for a bad name.
        """
        check_tenant_name(tenant)
        key = new_key()
        digest = digest_secret(key.secret, self._pepper())
        self._store.add_key(KeyRecord(key.id, tenant, (KeySecret(digest),), int(self._clock())))
        return key

    def revoke(self, key_id: str) -> KeyRecord:
        """Refuses the key from now on (everywhere within 30 s); UnknownKey if there is none."""
        record = self._store.revoke_key(key_id, int(self._clock()))
        if record is None:
            raise UnknownKey(key_id)
        return record
