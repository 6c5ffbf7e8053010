"""What follows the ledger: spool, archive, fold, export, reconcile, and the alarms over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_lambda_event_sources as event_sources

from infra.constructs import metering_permissions as permissions
from infra.constructs.handler import Handler
from infra.constructs.layers import Layers
from infra.constructs.ledger_stream import LedgerStream
from infra.constructs.metering_alarms import MeteringAlarms
from infra.constructs.schedule import run_every

if TYPE_CHECKING:
    from constructs import Construct

    from infra.settings import Settings, Worker
    from infra.stacks.serving import ServingStack
    from infra.stacks.storage import StorageStack

SPOOL_BATCH = 10
# What was not delivered falls within 25 h: it is due a day and ten minutes after its charge.
FOLD_MIN, EXPORT_MIN, RECONCILE_MIN = 5, 15, 30


class MeteringStack(Stack):
    """Five functions between the ledger and the bill; none of them changes an entry."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        storage: StorageStack,
        serving: ServingStack,
    ) -> None:
        super().__init__(scope, construct_id, description="infermeter: from the ledger to the bill")
        self._settings = settings
        self._layers = Layers(self, "Layers", settings=settings.functions).base
        workers = settings.metering

        spool = self._function(
            "spool", workers.spool, _resources(storage, "control", "ledger", "spool", "usage")
        )
        permissions.allow_spool(spool, storage)
        spool.function.add_event_source(
            event_sources.SqsEventSource(
                storage.spool, batch_size=SPOOL_BATCH, report_batch_item_failures=True
            )
        )

        archive = self._function(
            "archive", workers.archive, _resources(storage, "archive", "usage")
        )
        permissions.allow_archive(archive, storage)
        stream = LedgerStream(self, "Stream", table=storage.ledger, handler=archive)

        fold = self._function(
            "fold",
            workers.fold,
            _resources(storage, "archive", "control", "ledger", "limits", "spool", "usage"),
        )
        permissions.allow_fold(fold, storage)
        run_every(fold, FOLD_MIN)

        export = self._function(
            "export", workers.export, _resources(storage, "archive", "control", "export", "usage")
        )
        permissions.allow_export(export, storage, marketplace=workers.marketplace)
        run_every(export, EXPORT_MIN)

        reconcile = self._function(
            "reconcile",
            workers.reconcile,
            {
                **_resources(storage, "archive", "control", "ledger", "spool", "usage"),
                "INFERMETER_ACCESS_LOG": serving.access_log.log_group_name,
                "INFERMETER_FUNCTION_LOG": serving.infer_log.log_group_name,
            },
        )
        permissions.allow_reconcile(reconcile, storage, serving)
        run_every(reconcile, RECONCILE_MIN)

        functions = {
            "spool": spool,
            "archive": archive,
            "fold": fold,
            "export": export,
            "reconcile": reconcile,
        }
        MeteringAlarms(
            self, "Alarms", spool=storage.spool, failures=stream.failures, functions=functions
        )
        for name, each in functions.items():
            CfnOutput(self, f"{name.capitalize()}Function", value=each.function.function_name)
        CfnOutput(self, "StreamFailuresUrl", value=stream.failures.queue_url)

    def _function(self, name: str, worker: Worker, environment: dict[str, str]) -> Handler:
        return Handler(
            self,
            name.capitalize(),
            name=name,
            memory_mb=worker.memory_mb,
            timeout_s=worker.timeout_s,
            environment=environment,
            layers=self._layers,
            settings=self._settings.functions,
        )


def _resources(storage: StorageStack, *names: str) -> dict[str, str]:
    """The variables that name these of the stack's resources."""
    known = {
        "archive": ("ARCHIVE_BUCKET", storage.archive.bucket_name),
        "control": ("CONTROL_TABLE", storage.control.table_name),
        "export": ("EXPORT_SECRET", storage.export.secret_arn),
        "ledger": ("LEDGER_TABLE", storage.ledger.table_name),
        "limits": ("LIMITS_TABLE", storage.limits.table_name),
        "spool": ("SPOOL_QUEUE", storage.spool.queue_url),
        "usage": ("USAGE_TABLE", storage.usage.table_name),
    }
    return {f"INFERMETER_{field}": value for field, value in map(known.__getitem__, names)}
