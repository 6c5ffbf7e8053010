"""Reconciliation: the logs, the ledger, the archive and the outbox, side by side."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from infermeter.adapters.access_log import CloudWatchAccessLog
from infermeter.adapters.evidence import DynamoEvidence
from infermeter.adapters.function_log import CloudWatchFunctionLog
from infermeter.adapters.spool_depth import SqsSpoolDepth
from infermeter.metering.adjustment import Adjustments
from infermeter.metering.lateness import Lateness
from infermeter.reconciliation.backlog import ExportBacklog
from infermeter.reconciliation.corrections import LedgerCorrections, NotingLedger
from infermeter.reconciliation.duplicates import Duplicates
from infermeter.reconciliation.entries import LedgerEntries
from infermeter.reconciliation.hourly import HourlyCheck
from infermeter.reconciliation.job import Parts, Reconciliation
from infermeter.reconciliation.standing import StandingChecks
from infermeter.reconciliation.undelivered import UndeliveredCharges
from infermeter.wiring.export import Exporting
from infermeter.wiring.metering import Metering

if TYPE_CHECKING:
    from collections.abc import Iterator


class Reconciling(Metering, Exporting):
    """The job, over what all others leave behind."""

    @cached_property
    def reconciliation(self) -> Reconciliation:
        """The job."""
        logs, resources = self.clients.logs(), self.resources
        access = CloudWatchAccessLog(logs, resources.access_log)
        function = CloudWatchFunctionLog(logs, resources.function_log)
        entries = LedgerEntries(self.ledger_reader, self._tenants)
        backlog = ExportBacklog(self.exports, self.outbox, self.usage_store)
        parts = Parts(
            access=access,
            function=function,
            entries=entries,
            evidence=DynamoEvidence(self.clients.dynamodb(), resources.usage_table),
            findings=self.findings,
            hourly=HourlyCheck(access, function, entries),
            undelivered=UndeliveredCharges(access, entries),
            duplicates=Duplicates(self.archive, entries),
            standing=StandingChecks(backlog, self.usage_store, self.keys.tenants, self.findings),
            spool=SqsSpoolDepth(self.clients.sqs(), resources.spool_queue),
            corrections=self._corrections,
        )
        return Reconciliation(parts, self.clock)

    @cached_property
    def _corrections(self) -> LedgerCorrections:
        ledger = NotingLedger(self.ledger_reader)
        adjustments = Adjustments(ledger, self.ledger_reader, self.clock)
        lateness = Lateness(
            ledger=self.ledger_reader,
            archive=self.archive,
            usage=self.usage_store,
            manifests=self.manifests,
            adjustments=adjustments,
            findings=self.findings,
        )
        return LedgerCorrections(ledger, adjustments, lateness, self._tenants)

    def _tenants(self) -> Iterator[str]:
        return (tenant.tenant for tenant in self.keys.tenants())
