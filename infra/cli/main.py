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
# Panels of the help: typer shows them by their first command, those of groups alone last.
LOCAL, MODELS, BILL, WATCH = "Local stack", "Models", "Usage and bill", "Operation"
CUSTOMERS = "Customers"

for local in (stack.up, stack.down, operations.demo):
    app.command(rich_help_panel=LOCAL)(local)
app.command(rich_help_panel=MODELS)(models.data)
app.command(rich_help_panel=MODELS)(models.train)
app.command(rich_help_panel=MODELS)(models.publish)
app.command("models", rich_help_panel=MODELS)(models.list_models)
app.add_typer(tenants.app, name="tenants", rich_help_panel=CUSTOMERS)
app.add_typer(keys.app, name="keys", rich_help_panel=CUSTOMERS)
app.add_typer(plans.app, name="plans", rich_help_panel=CUSTOMERS)
app.command("usage", rich_help_panel=BILL)(usage.show)
for bill in (usage.request, statements.statement, adjustments.adjust, adjustments.void):
    app.command(rich_help_panel=BILL)(bill)
app.add_typer(exports.app, name="exports", rich_help_panel=BILL)
for watch in (
    operations.deploy,
    stack.status,
    operations.logs,
    operations.invoke,
    reconcile.reconcile,
    reconcile.findings,
):
    app.command(rich_help_panel=WATCH)(watch)


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
