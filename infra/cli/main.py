"""The `infermeter` command."""

from __future__ import annotations

import errno
import sys

import typer

from infra.cli import (
    adjustments,
    exports,
    keys,
    models,
    operations,
    plans,
    reconcile,
    stack,
    statements,
    tenants,
    usage,
)

app = typer.Typer(
    help="Models as a metered service, on serverless. Without --profile or --stack, commands work "
    "on the local stack.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(stack.up)
app.command()(stack.down)
app.command()(stack.status)
app.command()(operations.logs)
app.command()(models.train)
app.command()(models.publish)
app.command("models")(models.list_models)
app.add_typer(keys.app, name="keys")
app.add_typer(tenants.app, name="tenants")
app.add_typer(plans.app, name="plans")
app.add_typer(exports.app, name="exports")
app.command("usage")(usage.show)
app.command()(usage.request)
app.command()(statements.statement)
app.command()(adjustments.adjust)
app.command()(adjustments.void)
app.command()(reconcile.reconcile)
app.command()(reconcile.findings)
app.command()(operations.invoke)
app.command()(operations.deploy)
app.command()(operations.demo)


def main() -> None:
    """Runs a command; a failure that was foreseen ends in one clear line, not in a traceback."""
    try:
        app()
    except Exception as error:
        line = _one_line(error)
        if line is None:
            raise
        sys.stderr.write(f"infermeter: {line}\n")
        sys.exit(1)


def _one_line(error: Exception) -> str | None:
    """What to tell of a foreseen failure; None for a defect of ours."""
    from botocore.exceptions import BotoCoreError, ClientError

    from infermeter.errors import InfermeterError
    from infra.cli.events import UnsetVariable
    from infra.cli.operations import OperationError
    from infra.cli.target import TargetError
    from infra.local.errors import LocalStackError
    from training.errors import TrainingError

    foreseen = (
        InfermeterError,
        LocalStackError,
        OperationError,
        TargetError,
        TrainingError,
        UnsetVariable,
        BotoCoreError,
        ClientError,
    )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"no space left on the disk: {error.filename or 'free some'}"
    return " ".join(str(error).split()) if isinstance(error, foreseen) else None
