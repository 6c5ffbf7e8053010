"""What each function that follows the ledger may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.constructs.handler import Handler
    from infra.stacks.serving import ServingStack
    from infra.stacks.storage import StorageStack

READ = ("dynamodb:GetItem", "dynamodb:Query")

# Alone and in transactions, which are allowed item by item.
WRITE = ("dynamodb:PutItem", "dynamodb:UpdateItem")


def allow_spool(spool: Handler, storage: StorageStack) -> None:
    """Let it put waiting entries to where their tenant's are, and tell of those that meet
    another."""
    spool.allow("dynamodb:GetItem", on=[storage.control.table_arn])
    spool.allow("dynamodb:PutItem", on=[storage.ledger.table_arn, storage.usage.table_arn])


def allow_archive(archive: Handler, storage: StorageStack) -> None:
    """Let it write the permanent ledger, and tell of changed entries; reading is not its part."""
    archive.allow("s3:PutObject", on=[storage.archive.arn_for_objects("ledger/*")])
    archive.allow("dynamodb:PutItem", on=[storage.usage.table_arn])


def allow_fold(fold: Handler, storage: StorageStack) -> None:
    """Let it read both ledgers, write usage and seals, and give back what leases left."""
    read_ledger(fold, storage)
    fold.allow(*READ, on=[storage.control.table_arn])
    fold.allow(
        *READ,
        *WRITE,
        "dynamodb:ConditionCheckItem",
        "dynamodb:DeleteItem",
        on=[storage.usage.table_arn, storage.limits.table_arn],
    )
    kept = ("ledger/*", "seals/*", "statements/*")
    fold.allow(
        "s3:GetObject",
        "s3:PutObject",
        on=[storage.archive.arn_for_objects(each) for each in kept],
    )
    list_archive(fold, storage)
    fold.allow("sqs:GetQueueAttributes", on=[storage.spool.queue_arn])


def allow_export(export: Handler, storage: StorageStack, *, marketplace: bool) -> None:
    """Let it report sealed usage, and keep in its outbox what was acknowledged."""
    export.allow(*READ, on=[storage.control.table_arn])
    export.allow(*READ, *WRITE, on=[storage.usage.table_arn])
    export.allow("s3:PutObject", on=[storage.archive.arn_for_objects("exports/*")])
    export.allow("secretsmanager:GetSecretValue", on=[storage.export.secret_arn])
    if marketplace:
        export.allow("aws-marketplace:BatchMeterUsage", on=["*"])  # it knows no resource


def allow_reconcile(reconcile: Handler, storage: StorageStack, serving: ServingStack) -> None:
    """Let it compare all that was told of requests; in the ledger it adds corrections only."""
    read_ledger(reconcile, storage)
    reconcile.allow("dynamodb:PutItem", on=[storage.ledger.table_arn])
    reconcile.allow(*READ, on=[storage.control.table_arn])
    reconcile.allow(*READ, "dynamodb:PutItem", on=[storage.usage.table_arn])
    reads = ("ledger/*", "seals/*")
    reconcile.allow("s3:GetObject", on=[storage.archive.arn_for_objects(each) for each in reads])
    reconcile.allow(
        "s3:ListBucket",
        on=[storage.archive.bucket_arn],
        conditions={"StringLike": {"s3:prefix": list(reads)}},
    )
    reconcile.allow("sqs:GetQueueAttributes", "sqs:ReceiveMessage", on=[storage.spool.queue_arn])
    reconcile.allow(
        "logs:FilterLogEvents",
        on=[serving.access_log.log_group_arn, serving.infer_log.log_group_arn],
    )


def allow_usage(usage: Handler, storage: StorageStack) -> None:
    """Let it answer what a key's tenant used: it reads, and changes nothing."""
    read_ledger(usage, storage)
    usage.allow(*READ, on=[storage.control.table_arn, storage.usage.table_arn])
    usage.allow("s3:GetObject", on=[storage.archive.arn_for_objects("statements/*")])
    list_archive(usage, storage)
    usage.allow("secretsmanager:GetSecretValue", on=[storage.pepper.secret_arn])


def read_ledger(handler: Handler, storage: StorageStack) -> None:
    """Let a function read entries, by their own hour and by that of their commit."""
    handler.allow(
        *READ, on=[storage.ledger.table_arn, f"{storage.ledger.table_arn}/index/commit-hour"]
    )


def list_archive(handler: Handler, storage: StorageStack) -> None:
    """Let a function see which objects there are: whoever may not, or only below a prefix, is
    told 403 of one that is not there."""
    handler.allow("s3:ListBucket", on=[storage.archive.bucket_arn])
