"""What the operator does with keys."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from infermeter.errors import AdministrationRefused, InvalidRequest, UnknownKey, UnknownTenant
from infermeter.limits.terms import UNLIMITED, Limits
from infermeter.tenants.accounts import Act, attempted
from infermeter.tenants.keys import (
    Key,
    KeyRecord,
    KeySecret,
    TenantRecord,
    TenantState,
    check_tenant_name,
    digest_secret,
    new_key,
)
from infermeter.tenants.rotation import (
    DEFAULT_GRACE_S,
    Rotated,
    check_rotation,
    earlier_rotation,
    new_secret,
    rotate,
)
from infermeter.tenants.scopes import EVERYTHING, Scopes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infermeter.tenants.accounts import Accounts

MAX_NAME_CHARACTERS = 100
YEAR_10000 = 253_402_300_800  # in epoch seconds: the first time that Python does not show


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """What a new key is given; by default it may do everything, for ever, within its tenant's
    limits. `expires_at` in epoch seconds."""

    scopes: Scopes = EVERYTHING
    limits: Limits = UNLIMITED
    expires_at: int | None = None
    name: str = ""


class KeyAdministration:
    """Creates, lists, rotates and revokes keys; `actor` says who does."""

    def __init__(
        self,
        store: Accounts,
        pepper: Callable[[], bytes],
        clock: Callable[[], float],
        actor: Callable[[], str] = lambda: "",
    ) -> None:
        self._store, self._pepper, self._clock, self._actor = store, pepper, clock, actor

    def create(self, tenant: str, terms: KeyTerms | None = None) -> Key:
        """A new key of the tenant, which is made if it is new.

        The returned key is the only copy of its secret. Raises InvalidRequest for a bad name or
        time, AdministrationRefused for a tenant that is closed.
        """
        check_tenant_name(tenant)
        terms, now = terms or KeyTerms(), int(self._clock())
        _check(terms, now)
        key = new_key()
        record = KeyRecord(
            key_id=key.id,
            tenant=tenant,
            secrets=(KeySecret(digest_secret(key.secret, self._pepper())),),
            created_at=now,
            expires_at=terms.expires_at,
            name=terms.name,
            scopes=terms.scopes,
            limits=terms.limits,
        )
        act = self._act(
            record,
            "key.create",
            name=terms.name,
            scopes=str(terms.scopes),
            limits=str(terms.limits),
            expires_at=terms.expires_at or "never",
        )

        def attempt() -> Key | None:
            owner = self._owner(tenant, now)
            if owner is None:
                return None
            if owner.state is TenantState.CLOSED:
                raise AdministrationRefused(
                    f"tenant '{tenant}': expected one that is open, got one that is closed; "
                    "a key of another tenant is never counted with its usage"
                )
            return key if self._store.add_key(record, owner, act) else None

        return attempted(f"tenant '{tenant}'", attempt)

    def of_tenant(self, tenant: str) -> Sequence[KeyRecord]:
        """All its keys, the oldest first; UnknownTenant if there is none."""
        if self._store.tenant(tenant) is None:
            raise UnknownTenant(tenant)
        return self._store.keys_of(tenant)

    def revoke(self, key_id: str) -> KeyRecord:
        """Refuses the key from now on (everywhere within 30 s); UnknownKey if there is none.

        Again, it changes nothing: the first time stands.
        """

        def attempt() -> KeyRecord | None:
            record = self._known(key_id)
            if record.revoked_at is not None:
                return record
            revoked = replace(record, revoked_at=int(self._clock()))
            return (
                revoked if self._store.put_key(revoked, self._act(record, "key.revoke")) else None
            )

        return attempted(f"key '{key_id}'", attempt)

    def rotate(
        self,
        key_id: str,
        rotation_id: str | None = None,
        *,
        grace_s: int = DEFAULT_GRACE_S,
        end_older: bool = False,
    ) -> Rotated:
        """A new secret beside the present one, which ends after `grace_s` seconds.

        Under the same `rotation_id` again: the same key, and nothing is changed. Usage, limits
        and budgets hang on the key's id, and go on. Raises UnknownKey, InvalidRequest, and
        AdministrationRefused for a key that is not active, or has two live secrets already.
        """
        rotation_id = secrets.token_hex(8) if rotation_id is None else rotation_id
        check_rotation(rotation_id, grace_s)
        pepper = self._pepper()

        def attempt() -> Rotated | None:
            record, now = self._known(key_id), int(self._clock())
            self._check_active(record, now)
            if earlier := earlier_rotation(record, rotation_id, pepper, now):
                return earlier
            key, secret = new_secret(record, rotation_id, pepper)
            rotated = rotate(record, secret, now, grace_s, end_older=end_older)
            act = self._act(record, "key.rotate", grace_s=grace_s)
            if not self._store.put_key(rotated, act):
                return None
            return Rotated(key, rotation_id, now + grace_s)

        return attempted(f"key '{key_id}'", attempt)

    def _check_active(self, record: KeyRecord, now: int) -> None:
        owner = self._store.tenant(record.tenant)
        closed = owner is not None and owner.state is TenantState.CLOSED
        state = "its tenant's account is closed" if closed else f"it is {record.state(now)}"
        if closed or record.state(now) != "active":
            raise AdministrationRefused(
                f"key '{record.key_id}': expected an active one, but {state}"
            )

    def _owner(self, tenant: str, now: int) -> TenantRecord | None:
        """The tenant, made if it is new; None when others were making it."""
        owner = self._store.tenant(tenant)
        if owner is not None:
            return owner
        new = TenantRecord(tenant, now)
        act = Act(tenant, "tenant.create", self._actor(), self._clock())
        return new if self._store.add_tenant(new, act) else None

    def _known(self, key_id: str) -> KeyRecord:
        record = self._store.key(key_id)
        if record is None:
            raise UnknownKey(key_id)
        return record

    def _act(self, record: KeyRecord, act: str, **details: str | int) -> Act:
        return Act(
            record.tenant, act, self._actor(), self._clock(), {"key_id": record.key_id} | details
        )


def _check(terms: KeyTerms, now: int) -> None:
    if len(terms.name) > MAX_NAME_CHARACTERS or not terms.name.isprintable():
        raise InvalidRequest(
            f"name: expected at most {MAX_NAME_CHARACTERS} printable characters, got '{terms.name}'"
        )
    if terms.expires_at is not None and not now < terms.expires_at < YEAR_10000:
        raise InvalidRequest(
            "expires: expected a time to come, before the year 10000, got another; "
            "without an expiry a key does not end"
        )
