"""From what a caller shows to who pays."""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from infermeter.errors import StoreUnavailable, TenantSuspended, Unauthenticated
from infermeter.limits.terms import UNLIMITED, Limited
from infermeter.metering.sharding import ONE_SHARD
from infermeter.tenants.keys import KEY_ID, TenantState, digest_secret, parse_key
from infermeter.tenants.scopes import EVERYTHING, Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from infermeter.limits.terms import Limits
    from infermeter.metering.sharding import Sharding
    from infermeter.tenants.keys import KeyRecord, KeySecret, KeyStore, TenantRecord
    from infermeter.tenants.scopes import Scopes

# A revoked key, or one of a suspended tenant, is refused everywhere within this time.
KEY_CACHE_S = 30
_MAX_CACHED = 10_000

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who pays: the tenant always comes from the key, never from a payload.

    `price` is the plan and its version in force ("<plan>:<version>"; "" for none); `limited` what
    bounds the key's use, its own and its tenant's; `state` the tenant's, `sharding` its ledger's.
    """

    tenant: str
    key_id: str
    scopes: Scopes = EVERYTHING
    limited: tuple[Limited, ...] = ()
    price: str = ""
    state: TenantState = TenantState.ACTIVE
    sharding: Sharding = ONE_SHARD

    def require(self, action: Action, model: str = "") -> None:
        """Raises TenantSuspended or Forbidden unless this may be done; see `Scopes.require`.

        Who is suspended may still read what it used.
        """
        if self.state is not TenantState.ACTIVE:
            self.require_served(action)
        if self.scopes.scopes:
            self.scopes.require(action, model)

    def require_served(self, action: Action) -> None:
        """Raises TenantSuspended unless the tenant's state admits this."""
        admitted = self.state is TenantState.SUSPENDED and action is Action.USAGE
        if self.state is not TenantState.ACTIVE and not admitted:
            raise TenantSuspended(self.tenant, self.state.value)


class Read(NamedTuple, Generic[Row]):
    """A row, and when its look-up began (epoch seconds)."""

    at: float
    row: Row


class Remembered(Generic[Row]):
    """Rows by name, each for `KEY_CACHE_S` at most; absence is never remembered."""

    def __init__(self, look_up: Callable[[str], Row | None], clock: Callable[[], float]) -> None:
        self._look_up, self._clock = look_up, clock
        self._rows: dict[str, Read[Row]] = {}

    def get(self, name: str) -> Read[Row] | None:
        """The row as it is remembered, else as it is."""
        return self.remembered(name) or self.look_up(name)

    def remembered(self, name: str) -> Read[Row] | None:
        """The row as it was read lately."""
        read = self._rows.get(name)
        return read if read is not None and self._clock() - read.at < KEY_CACHE_S else None

    def look_up(self, name: str) -> Read[Row] | None:
        """The row as it is."""
        now = self._clock()
        self._rows.pop(name, None)
        row = self._look_up(name)
        if row is None:
            return None
        if len(self._rows) >= _MAX_CACHED:
            self._rows.clear()
        read = self._rows[name] = Read(now, row)
        return read


class Authenticator:
    """Verifies keys. A principal is made from three rows: the key, its tenant, the tenant's plan;
    what is made is remembered until the oldest of them is `KEY_CACHE_S` old, or the key expires.
    """

    def __init__(
        self, store: KeyStore, pepper: Callable[[], bytes], clock: Callable[[], float]
    ) -> None:
        self._pepper, self._clock = pepper, clock
        self._keys = Remembered(store.key, clock)
        self._tenants = Remembered(store.tenant, clock)
        self._plans = Remembered(store.terms, clock)
        # By full key, and by key id, with the time until which it may be believed: apart, since an
        # id is public and opens nothing.
        self._verified: dict[str, tuple[float, Principal]] = {}
        self._named: dict[str, tuple[float, Principal]] = {}

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
        given = digest_secret(key.secret, self._pepper())
        read = self._keys.remembered(key.id)
        if read is None or _secret(read.row, given) is None:
            # A secret that a rotation has made since the row was read is as good as the others.
            read = self._keys.look_up(key.id)
        valid_until = 0.0 if read is None else _valid_until(read.row, _secret(read.row, given))
        if read is None or self._clock() >= valid_until:
            raise Unauthenticated(
                "API key: expected a valid key, got one that is unknown or revoked, or has expired"
            )
        return self._remember(self._verified, text, read, valid_until)

    def by_key_id(self, key_id: str) -> Principal:
        """The principal of a public key id, for transports whose senders IAM has let in.

        Raises Unauthenticated for an id that is not known, revoked or expired.
        """
        named = self._named.get(key_id)
        if named is not None and self._clock() < named[0]:
            return named[1]
        read = self._keys.get(key_id) if KEY_ID.fullmatch(key_id) else None
        if read is None or read.row.state(self._clock()) != "active":
            raise Unauthenticated(f"key_id: expected that of an active key, got '{key_id}'")
        return self._remember(self._named, key_id, read, _expiry(read.row.expires_at))

    def _remember(
        self,
        known: dict[str, tuple[float, Principal]],
        shown: str,
        read: Read[KeyRecord],
        valid_until: float,
    ) -> Principal:
        record = read.row
        tenant = _present(self._tenants.get(record.tenant), f"tenant '{record.tenant}'")
        price, limits, oldest = "", tenant.row.limits, min(read.at, tenant.at)
        if tenant.row.plan:
            terms = _present(self._plans.get(tenant.row.plan), f"plan '{tenant.row.plan}'")
            price, oldest = terms.row.reference, min(oldest, terms.at)
            limits = limits.over(terms.row.limits)
        principal = Principal(
            tenant=record.tenant,
            key_id=record.key_id,
            scopes=record.scopes,
            limited=_limited(record, tenant.row, limits),
            price=price,
            state=tenant.row.state,
            sharding=tenant.row.sharding,
        )
        if len(known) >= _MAX_CACHED:
            known.clear()
        known[shown] = (min(oldest + KEY_CACHE_S, valid_until), principal)
        return principal


def _secret(record: KeyRecord, given: str) -> KeySecret | None:
    """The key's secret of this digest. All are compared, in constant time."""
    matches = [each for each in record.secrets if hmac.compare_digest(each.digest, given)]
    return matches[0] if matches else None


def _valid_until(record: KeyRecord, secret: KeySecret | None) -> float:
    """When a secret of the key stops being valid; 0 for none."""
    if secret is None or record.revoked_at is not None:
        return 0.0
    return min(_expiry(secret.expires_at), _expiry(record.expires_at))


def _expiry(at: int | None) -> float:
    return math.inf if at is None else at


def _limited(key: KeyRecord, tenant: TenantRecord, limits: Limits) -> tuple[Limited, ...]:
    both = (Limited("key", key.key_id, key.limits), Limited("tenant", tenant.tenant, limits))
    return tuple(limited for limited in both if limited.limits != UNLIMITED)


def _present(read: Read[Row] | None, what: str) -> Read[Row]:
    """Nothing is served without a bill: a row that others point at must be there."""
    if read is None:
        raise StoreUnavailable(f"control table: expected the row of {what}, got none")
    return read
