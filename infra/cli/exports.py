"""`exports`: sealed usage to OpenMeter, Stripe, AWS Marketplace, files."""

from __future__ import annotations

import re
import sys
import time
import tomllib
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from infermeter.errors import AdministrationRefused, InvalidField
from infermeter.export.administration import add_account, end_account, put_configuration
from infermeter.export.configuration import Account
from infermeter.metering.hours import hour_of
from infra.cli import console
from infra.cli.target import Json, Profile, Region, Stack, find_target

app = typer.Typer(help="Export sealed usage to those who bill by it.", no_args_is_help=True)

Only = Annotated[str | None, typer.Option("--target", help="One target alone (default: all).")]
Tenant = Annotated[str | None, typer.Option("--tenant", help="One tenant alone (default: all).")]


@app.command()
def put(
    file: Annotated[Path, typer.Argument(help="TOML with [[targets]] and [[meters]].")],
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Say what is exported, and to whom, in the place of what was said before."""
    try:
        document = tomllib.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise AdministrationRefused(f"{file}: expected a TOML file, got: {error}") from None
    store = find_target(profile, stack, region).wiring().exports
    configuration = put_configuration(store, document, _hour(None))
    if json:
        console.print_json(configuration.document())
        return
    for target in configuration.targets:
        meters = ", ".join(meter.name for meter in configuration.meters_of(target)) or "no meter"
        console.out.print(f"{target.name} ({target.kind.value}): {meters}", markup=False)


@app.command("map")
def map_tenant(
    tenant: str,
    target: str,
    customer: Annotated[str, typer.Argument(help="The tenant's id at the target.")],
    licence: Annotated[str, typer.Option(help="ARN of an AWS Marketplace licence.")] = "",
    since: Annotated[
        datetime | None, typer.Option("--from", help="First hour, UTC; default: the present one.")
    ] = None,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Export a tenant's usage to a target, from an hour on. A later call corrects the customer."""
    wiring = find_target(profile, stack, region).wiring()
    # One that is misspelled would be exported never.
    wiring.tenant_administration.view(tenant)
    account = add_account(wiring.exports, Account(tenant, target, customer, _hour(since), licence))
    if json:
        console.print_json(asdict(account))
    else:
        console.out.print(
            f"{tenant} is '{customer}' at {target}, from hour {account.start} on", markup=False
        )


@app.command()
def unmap(
    tenant: str,
    target: str,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Export a tenant's usage to a target no more, once the present hour is over."""
    store = find_target(profile, stack, region).wiring().exports
    account = end_account(store, tenant, target, _hour(None))
    if json:
        console.print_json(asdict(account))
    else:
        console.out.print(f"{tenant} is exported to {target} up to {account.end}", markup=False)


@app.command()
def token(
    target: str,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Keep the token that a target knows us by; it is read from the terminal, or a pipe."""
    text = typer.prompt("token", hide_input=True, err=True) if sys.stdin.isatty() else None
    text = (sys.stdin.readline() if text is None else text).strip()
    if not text:
        raise AdministrationRefused("token: expected it on standard input, got nothing")
    wiring = find_target(profile, stack, region).wiring()
    name = wiring.exports.configuration().target(target).secret
    wiring.export_tokens.keep(name, text)
    if json:
        console.print_json({"token": name})
    else:
        console.out.print(f"the token '{name}' is kept", markup=False)


@app.command()
def run(
    target: Only = None,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the requests; send and change nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Export now. Exit code 1 when a target failed, or refused something."""
    job = find_target(profile, stack, region).wiring().export_job
    if dry_run:
        due = list(job.preview(target))
        for request in due:
            console.print_json(request)
        if not due:
            console.note("nothing is due")
        return
    reports = [report.document() for report in job.run(target)]
    if json:
        console.print_json(reports)
    else:
        columns = ["target", "planned", "acknowledged", "deferred", "unanswered", "failed"]
        rows = [[report[column] for column in columns] for report in reports]
        console.print_table("export", columns, rows)
        for report in reports:
            for error in report["errors"]:
                console.note(f"{report['target']}: {error}")
    raise typer.Exit(int(any(report["errors"] or report["failed"] for report in reports)))


@app.command()
def status(
    target: Only = None,
    tenant: Tenant = None,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Add all up: sealed usage is in rows or carry.")
    ] = False,
    json: Json = False,
) -> None:
    """How far each tenant's export is. With --check, exit code 1 when something is missing."""
    repair = find_target(profile, stack, region).wiring().export_repair
    found = repair.status(target, tenant, check=check)
    if json:
        console.print_json([asdict(each) for each in found])
    else:
        console.print_table(
            "exports",
            ["target", "tenant", "cursor", "planned", "pending", "failed", "oldest s", "carry"],
            [
                [e.target, e.tenant, e.cursor, e.planned, e.pending, e.failed, e.oldest_s, e.carry]
                for e in found
            ],
        )
        for each in found:
            for error in each.errors:
                console.note(f"{each.target}, {each.tenant}: {error}")
            if each.missing:
                console.note(f"{each.target}, {each.tenant}: missing {each.missing}")
    raise typer.Exit(int(any(each.missing for each in found)))


@app.command()
def retry(
    target: Only = None,
    tenant: Tenant = None,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    not_counted: Annotated[
        bool,
        typer.Option(
            "--not-counted",
            help="You looked: the vendor has not counted what had no answer.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Give failed rows another chance at the next run."""
    repair = find_target(profile, stack, region).wiring().export_repair
    rows = repair.retry(target, tenant, not_counted=not_counted)
    if json:
        console.print_json([asdict(row) | {"state": row.state.value} for row in rows])
    else:
        console.out.print(f"{len(rows)} rows go again", markup=False)


@app.command()
def settle(
    target: str,
    tenant: str,
    hour: Annotated[str, typer.Argument(help="yyyymmddhh")],
    meter: str,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Say that the vendor has counted a failed row."""
    if not re.fullmatch("[0-9]{10}", hour):
        raise InvalidField("hour", expected="yyyymmddhh in UTC", got=f"'{hour}'")
    repair = find_target(profile, stack, region).wiring().export_repair
    row = repair.settle(target, tenant, hour, meter)
    if json:
        console.print_json(asdict(row) | {"state": row.state.value})
    else:
        console.out.print(f"{row.quantity} of '{meter}' in {hour} are acknowledged", markup=False)


def _hour(since: datetime | None) -> str:
    if since is None:
        return hour_of(int(time.time() * 1000))
    return hour_of(int(since.replace(tzinfo=since.tzinfo or UTC).timestamp() * 1000))
