"""What the operator works with: keys, tenants, plans, publication."""

from __future__ import annotations

from functools import cached_property

from infermeter.registry.publication import Publisher
from infermeter.tenants.administration import KeyAdministration
from infermeter.wiring.stores import Stores


class Administration(Stores):
    """Acts of the operator; there is no administrative HTTP API."""

    @cached_property
    def publisher(self) -> Publisher:
        """The door by which versions come in."""
        return Publisher(self.registry, self.model_files, self.runtime, self.clock)

    @cached_property
    def key_administration(self) -> KeyAdministration:
        """Making, rotating and revoking keys."""
        return KeyAdministration(self.keys, self.pepper, self.clock)
