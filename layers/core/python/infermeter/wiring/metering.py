"""What follows the ledger: spool, archive, fold, usage."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from infermeter.adapters.archive import S3Archive, S3Manifests
from infermeter.adapters.findings import DynamoFindings
from infermeter.adapters.ledger import DynamoLedger
from infermeter.adapters.limits import DynamoBudgets
from infermeter.adapters.spool import SqsSpool
from infermeter.adapters.statements import S3Statements
from infermeter.adapters.usage import DynamoUsage
from infermeter.billing.closing import Closing
from infermeter.billing.statements import Statements
from infermeter.limits.reclaim import Reclaimer
from infermeter.metering.adjustment import Adjustments
from infermeter.metering.archive import Archiver
from infermeter.metering.lateness import Lateness
from infermeter.metering.requests import Requests
from infermeter.metering.sealing import Sealing
from infermeter.metering.spool import SpoolConsumer
from infermeter.metering.usage import Usage
from infermeter.wiring.stores import Stores

if TYPE_CHECKING:
    from infermeter.api.application import Application


class Metering(Stores):
    """The way from the ledger's entries to the bill."""

    @cached_property
    def usage(self) -> Usage:
        """What tenants used."""
        return Usage(self.ledger_reader, self.usage_store, self.keys, self.clock)

    @cached_property
    def requests(self) -> Requests:
        """What single requests were charged."""
        return Requests(self.ledger_reader, self.usage_store)

    @cached_property
    def statements(self) -> Statements:
        """What a tenant's months come to."""
        return Statements(self.usage, self.plans, self.keys, self.statement_archive, self.clock)

    @cached_property
    def closing(self) -> Closing:
        """Keeps statements once they are final."""
        return Closing(
            self.statements, self.statement_archive, self.usage_store, self.keys, self.clock
        )

    @cached_property
    def statement_archive(self) -> S3Statements:
        """Where final statements are kept."""
        return S3Statements(self.clients.s3(), self.resources.archive_bucket)

    @cached_property
    def usage_application(self) -> Application:
        """The HTTP API of usage alone, imported by the one function that answers it."""
        from infermeter.api.application import Application
        from infermeter.api.endpoints.usage import UsageEndpoints
        from infermeter.api.routes import USAGE_PLANE

        return Application(
            self.authenticator,
            UsageEndpoints(self.usage, self.requests, self.statements, self.clock).endpoints(),
            routes=USAGE_PLANE,
        )

    @cached_property
    def ledger_reader(self) -> DynamoLedger:
        """The ledger to be read by the page: nobody waits for an answer within two seconds."""
        client = self.clients.dynamodb()
        return DynamoLedger(client, self.resources.ledger_table, self.shardings.of, self.clock)

    @cached_property
    def usage_store(self) -> DynamoUsage:
        """Rows and seals of sealed hours."""
        return DynamoUsage(self.clients.dynamodb(), self.resources.usage_table)

    @cached_property
    def findings(self) -> DynamoFindings:
        """Facts that should not be."""
        return DynamoFindings(self.clients.dynamodb(), self.resources.usage_table)

    @cached_property
    def archive(self) -> S3Archive:
        """The permanent ledger."""
        return S3Archive(self.clients.s3(), self.resources.archive_bucket)

    @cached_property
    def manifests(self) -> S3Manifests:
        """What seals cover."""
        return S3Manifests(self.clients.s3(), self.resources.archive_bucket)

    @cached_property
    def spool_queue(self) -> SqsSpool:
        """The spool as its consumer has it."""
        return SqsSpool(self.clients.sqs(), self.resources.spool_queue)

    @cached_property
    def spool_consumer(self) -> SpoolConsumer:
        """Puts what was spooled."""
        return SpoolConsumer(self.ledger, self.findings, self.clock)

    @cached_property
    def archiver(self) -> Archiver:
        """Takes the ledger's stream."""
        return Archiver(self.archive, self.findings)

    @cached_property
    def sealing(self) -> Sealing:
        """Makes hours final."""
        return Sealing(
            keys=self.keys,
            ledger=self.ledger_reader,
            archive=self.archive,
            usage=self.usage_store,
            manifests=self.manifests,
            findings=self.findings,
            clock=self.clock,
        )

    @cached_property
    def adjustments(self) -> Adjustments:
        """Corrections of the bill."""
        return Adjustments(self.ledger, self.ledger_reader, self.clock)

    @cached_property
    def lateness(self) -> Lateness:
        """Entries of sealed hours that their seals do not cover."""
        return Lateness(
            ledger=self.ledger_reader,
            archive=self.archive,
            usage=self.usage_store,
            manifests=self.manifests,
            adjustments=self.adjustments,
            findings=self.findings,
        )

    @cached_property
    def reclaimer(self) -> Reclaimer:
        """Gives back what environments that are gone held of budgets."""
        table = DynamoBudgets(self.clients.dynamodb(), self.resources.limits_table)
        return Reclaimer(table, self.ledger_reader, self.spool_queue.holds_any, self.clock)
