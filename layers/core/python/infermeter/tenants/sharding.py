"""How tenants' ledgers are divided, for whoever puts or reads without a principal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.metering.sharding import ONE_SHARD
from infermeter.tenants.authentication import Remembered

if TYPE_CHECKING:
    from collections.abc import Callable

    from infermeter.metering.sharding import Sharding
    from infermeter.tenants.keys import TenantRecord


class Shardings:
    """Looked up in tenants' rows, and remembered as briefly as what a principal is made from."""

    def __init__(
        self, look_up: Callable[[str], TenantRecord | None], clock: Callable[[], float]
    ) -> None:
        self._tenants = Remembered(look_up, clock)

    def of(self, tenant: str) -> Sharding:
        """The tenant's; of one that has no row, what a tenant begins with. Raises
        StoreUnavailable."""
        read = self._tenants.get(tenant)
        return ONE_SHARD if read is None else read.row.sharding
