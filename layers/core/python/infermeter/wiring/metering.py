"""What follows the ledger: spool, archive, fold, usage."""

from __future__ import annotations

from functools import cached_property

from infermeter.metering.usage import Usage
from infermeter.wiring.stores import Stores


class Metering(Stores):
    """The way from the ledger's entries to the bill."""

    @cached_property
    def usage(self) -> Usage:
        """What tenants used."""
        return Usage(self.ledger, self.keys, self.clock)
