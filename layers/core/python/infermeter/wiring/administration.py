"""What the operator works with: keys, tenants, plans, publication."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING

from infermeter.adapters.activity import DynamoActivity
from infermeter.adapters.audit import DynamoAudit
from infermeter.adapters.caller import caller
from infermeter.billing.plans import PlanAdministration
from infermeter.registry.publication import Publisher
from infermeter.tenants.administration import KeyAdministration
from infermeter.tenants.tenancy import TenantAdministration
from infermeter.wiring.stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable


class Administration(Stores):
    """Acts of the operator; there is no administrative HTTP API."""

    @cached_property
    def publisher(self) -> Publisher:
        """The door by which versions come in."""
        return Publisher(self.registry, self.model_files, self.runtime, self.clock)

    @cached_property
    def key_administration(self) -> KeyAdministration:
        """Making, rotating and revoking keys."""
        return KeyAdministration(self.keys, self.pepper, self.clock, self.actor)

    @cached_property
    def tenant_administration(self) -> TenantAdministration:
        """Making, suspending and closing tenants."""
        return TenantAdministration(self.keys, self.audit, self.clock, self.actor)

    @cached_property
    def plan_administration(self) -> PlanAdministration:
        """Storing plans."""
        return PlanAdministration(self.plans, self.clock, self.actor)

    @cached_property
    def audit(self) -> DynamoAudit:
        """What operators did."""
        return DynamoAudit(self.clients.dynamodb(), self.resources.control_table)

    @cached_property
    def last_uses(self) -> DynamoActivity:
        """When keys were last used."""
        return DynamoActivity(self.clients.dynamodb(), self.resources.limits_table)

    @cached_property
    def actor(self) -> Callable[[], str]:
        """Who the operator is, asked once and only when something is done."""
        return cache(lambda: caller(self.clients.sts()))
