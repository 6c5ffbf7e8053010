"""API keys: `im_live_<key id>_<secret>_<checksum>`.

The key id is public and finds the row; the secret is stored only as an HMAC-SHA-256 under a
pepper that is not in the table, so a leaked table verifies nothing; the checksum (CRC-32 of what
precedes it) lets a mistyped key be refused before any read.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from infermeter.errors import InvalidRequest
from infermeter.limits.terms import UNLIMITED, Limits
from infermeter.metering.sharding import ONE_SHARD, Sharding
from infermeter.tenants.scopes import EVERYTHING, Scopes

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "im_live"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KEY_ID_CHARACTERS = 12
SECRET_CHARACTERS = 43  # 256 bits in base 62
CHECKSUM_CHARACTERS = 6

_KEY = re.compile(
    rf"{PREFIX}_(?P<id>[0-9A-Za-z]{{{KEY_ID_CHARACTERS}}})"
    rf"_(?P<secret>[0-9A-Za-z]{{{SECRET_CHARACTERS}}})"
    rf"_(?P<checksum>[0-9A-Za-z]{{{CHECKSUM_CHARACTERS}}})"
)
KEY_ID = re.compile(rf"[0-9A-Za-z]{{{KEY_ID_CHARACTERS}}}")
# A tenant's row stays small, however often its plan is changed.
MAX_PLANS = 60
TENANT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Key:
    """A key in full. Shown once when made, never stored and never logged."""

    id: str
    secret: str

    def text(self) -> str:
        """The form that a customer sends."""
        body = f"{PREFIX}_{self.id}_{self.secret}"
        return f"{body}_{_checksum(body)}"

    def __repr__(self) -> str:
        return f"Key({self.id})"


@dataclass(frozen=True, slots=True)
class KeySecret:
    """A stored secret: its HMAC, and when it stops being valid (epoch seconds; None: never).

    One that a rotation made has the rotation's `salt` and a digest of its id.
    """

    digest: str
    expires_at: int | None = None
    salt: str = ""
    rotation: str = ""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key's row. More than one secret is valid while a rotation's grace period lasts.

    Times in epoch seconds. `revision` counts its changes: a write is for the revision that was
    read. A row of before there were scopes may do everything.
    """

    key_id: str
    tenant: str
    secrets: tuple[KeySecret, ...]
    created_at: int
    revoked_at: int | None = None
    expires_at: int | None = None
    name: str = ""
    scopes: Scopes = EVERYTHING
    limits: Limits = UNLIMITED
    revision: int = 0

    def state(self, now: float) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and now >= self.expires_at else "active"

    def live_secrets(self, now: float) -> tuple[KeySecret, ...]:
        """Those that are still valid, the newest last."""
        return tuple(
            secret
            for secret in self.secrets
            if secret.expires_at is None or now < secret.expires_at
        )


class TenantState(Enum):
    """Whether a tenant is served. What is closed stays so; its ledger is kept."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class PlanSince(NamedTuple):
    """A plan's name, and since when a tenant has it (epoch seconds)."""

    at: int
    plan: str


@dataclass(frozen=True, slots=True)
class TenantRecord:
    """A tenant's row. Nothing of its usage lies before `created_at` (epoch seconds).

    `plan` is a plan's name, "" for none; `plans` are those that it had, and since when; `limits`
    stand in place of the plan's where they are set;
    `sharding` is its ledger's.
    """

    tenant: str
    created_at: int
    state: TenantState = TenantState.ACTIVE
    plan: str = ""
    limits: Limits = UNLIMITED
    reason: str = ""
    closed_at: int | None = None
    sharding: Sharding = ONE_SHARD
    revision: int = 0
    plans: tuple[PlanSince, ...] = ()

    def on_plan(self, plan: str, at: int) -> TenantRecord:
        """The tenant with this plan from then on."""
        since = PlanSince(at, plan)
        return replace(self, plan=plan, plans=(*self.plans[1 - MAX_PLANS :], since))

    def plan_at(self, at: int) -> str:
        """The name of the plan that it had at a time; the first one's before that."""
        before = [each.plan for each in self.plans if each.at <= at]
        return before[-1] if before else self.plans[0].plan if self.plans else self.plan


class PlanTerms(NamedTuple):
    """Of a plan, what a request needs: the version in force, and its tenants' limits."""

    plan: str
    version: int
    limits: Limits = UNLIMITED

    @property
    def reference(self) -> str:
        """As ledger entries name it."""
        return f"{self.plan}:{self.version}"


class KeyStore(Protocol):
    """Where keys and tenants are looked up."""

    def key(self, key_id: str) -> KeyRecord | None:
        """The key's row, or None."""
        ...

    def tenant(self, tenant: str) -> TenantRecord | None:
        """The tenant's row, or None."""
        ...

    def tenants(self) -> Iterable[TenantRecord]:
        """All tenants, by name, those that are closed among them."""
        ...

    def terms(self, plan: str) -> PlanTerms | None:
        """What a plan in force grants, or None."""
        ...


def new_key() -> Key:
    """A key nobody has seen: 71 bits of id, 256 bits of secret, from the system's generator."""
    return Key(_random(KEY_ID_CHARACTERS), _random(SECRET_CHARACTERS))


def parse_key(text: str) -> Key | None:
    """The key that a caller sent; None when its form or its checksum is wrong."""
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    body = text[: -CHECKSUM_CHARACTERS - 1]
    if not hmac.compare_digest(_checksum(body), match["checksum"]):
        return None
    return Key(match["id"], match["secret"])


def digest_secret(secret: str, pepper: bytes) -> str:
    """What is stored of a secret: hex of HMAC-SHA-256 under the pepper."""
    return hmac.new(pepper, secret.encode(), hashlib.sha256).hexdigest()


def check_tenant_name(tenant: str) -> str:
    """The name, if a tenant may have it; InvalidRequest otherwise."""
    if not TENANT_NAME.fullmatch(tenant):
        raise InvalidRequest(
            "tenant: expected 1 to 64 of A-Z a-z 0-9 . _ - (a letter or digit first), "
            f"got '{tenant}'"
        )
    return tenant


def _random(characters: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(characters))


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECKSUM_CHARACTERS):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
