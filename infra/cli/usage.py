"""`usage`: what a tenant used."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from infra.cli import console
from infra.cli.target import Json, Profile, Region, Stack, find_target


def show(
    tenant: Annotated[str, typer.Option(help="Whose usage.")],
    since: Annotated[
        datetime | None, typer.Option("--from", help="UTC; default: the month's beginning.")
    ] = None,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """A tenant's usage by key, model and version, folded from the ledger now."""
    start = None if since is None else since.replace(tzinfo=since.tzinfo or UTC)
    rows = find_target(profile, stack, region).wiring().usage.rows(tenant, start)
    if json:
        console.print_json([asdict(row) for row in rows])
        return
    console.print_table(
        f"usage of {tenant}",
        ["key", "model", "version", "unit", "requests", "units", "final"],
        [
            [r.key_id, r.model, r.version, r.unit, r.requests, r.units, "yes" if r.final else "no"]
            for r in rows
        ],
    )
