"""The export of sealed usage."""

from __future__ import annotations

from functools import cache, cached_property, partial
from typing import TYPE_CHECKING

from infermeter.adapters.exports import ArchiveFiles, DynamoExports, SecretTokens
from infermeter.adapters.marketplace import MarketplaceMetering
from infermeter.adapters.outbox import DynamoOutbox
from infermeter.adapters.usage import DynamoUsage
from infermeter.adapters.webhooks import HttpPoster
from infermeter.export.configuration import TargetKind
from infermeter.export.files import CsvFiles
from infermeter.export.job import ExportJob
from infermeter.export.marketplace import Marketplace
from infermeter.export.openmeter import OpenMeter
from infermeter.export.repair import ExportRepair
from infermeter.export.stripe import Stripe
from infermeter.wiring.stores import Stores

if TYPE_CHECKING:
    from infermeter.export.configuration import Target
    from infermeter.export.vendors import Poster, Vendor


class Exporting(Stores):
    """From sealed hours to those who bill by them."""

    @cached_property
    def exports(self) -> DynamoExports:
        """Targets, meters, accounts."""
        return DynamoExports(self.clients.dynamodb(), self.resources.usage_table)

    @cached_property
    def outbox(self) -> DynamoOutbox:
        """What is to be sent, and what was."""
        return DynamoOutbox(self.clients.dynamodb(), self.resources.usage_table)

    @cached_property
    def usage_store(self) -> DynamoUsage:
        """Sealed hours, which are exported."""
        return DynamoUsage(self.clients.dynamodb(), self.resources.usage_table)

    @cached_property
    def export_tokens(self) -> SecretTokens:
        """What vendors know us by."""
        return SecretTokens(self.clients.secrets(), self.resources.export_secret)

    @cached_property
    def poster(self) -> Poster:
        """How HTTP vendors are reached."""
        return HttpPoster()

    @cached_property
    def export_job(self) -> ExportJob:
        """The job itself."""
        return ExportJob(self.exports, self.outbox, self.usage_store, self.vendor, self.clock)

    @cached_property
    def export_repair(self) -> ExportRepair:
        """What the operator does with it."""
        return ExportRepair(self.exports, self.outbox, self.usage_store, self.vendor, self.clock)

    def vendor(self, target: Target) -> Vendor:
        """Whom a target speaks to. Its token is read when something is first sent."""
        if target.kind is TargetKind.CSV:
            files = ArchiveFiles(self.clients.s3(), self.resources.archive_bucket)
            return CsvFiles(self.usage_store, files)
        if target.kind is TargetKind.MARKETPLACE:
            client = self.clients.marketplace(target.region or None)
            return Marketplace(target, MarketplaceMetering(client))
        token = cache(partial(self.export_tokens, target.secret))
        kind = OpenMeter if target.kind is TargetKind.OPENMETER else Stripe
        return kind(target, token, self.poster)
