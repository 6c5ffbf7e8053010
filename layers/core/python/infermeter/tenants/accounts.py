"""Where keys and tenants are changed: every change together with its trace."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from infermeter.errors import AdministrationRefused
from infermeter.tenants.keys import KeyStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infermeter.tenants.keys import KeyRecord, TenantRecord

# Operators are few: who loses this often to others has to look what they are doing.
ATTEMPTS = 4

Changed = TypeVar("Changed")


@dataclass(frozen=True, slots=True)
class Act:
    """What an operator did to a tenant, for the audit trail. No detail is ever a secret.

    `at` is in epoch seconds; an act on no tenant's (a plan's, say) has a `subject` of another kind.
    """

    subject: str
    act: str
    actor: str
    at: float
    details: Mapping[str, str | int] = field(default_factory=dict)


class Trail(Protocol):
    """Where acts are read."""

    def last(self, subject: str, count: int) -> Sequence[Act]:
        """The latest, the newest first."""
        ...


class Accounts(KeyStore, Protocol):
    """Where keys and tenants are kept. A write and its act stand together or not at all.

    Writes say False, and change nothing, when what they are about is no longer as it was read.
    """

    def keys_of(self, tenant: str) -> Sequence[KeyRecord]:
        """All keys of a tenant, the oldest first."""
        ...

    def add_key(self, record: KeyRecord, tenant: TenantRecord, act: Act) -> bool:
        """Stores a new key of a tenant that is as it was read."""
        ...

    def put_key(self, record: KeyRecord, act: Act) -> bool:
        """Replaces a key's row of the same revision."""
        ...

    def add_tenant(self, record: TenantRecord, act: Act) -> bool:
        """Stores a new tenant."""
        ...

    def put_tenant(self, record: TenantRecord, act: Act) -> bool:
        """Replaces a tenant's row of the same revision."""
        ...


def attempted(what: str, attempt: Callable[[], Changed | None]) -> Changed:
    """What `attempt` gives once it is not None; it reads afresh each time.

    Raises AdministrationRefused when others changed the same each time.
    """
    for number in range(ATTEMPTS):
        if (changed := attempt()) is not None:
            return changed
        time.sleep(0.05 * number)
    raise AdministrationRefused(
        f"{what}: expected nobody else to change it meanwhile, got {ATTEMPTS} changes; try again"
    )
