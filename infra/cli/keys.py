"""`keys`: what customers authenticate with."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.cli import console
from infra.cli.target import Json, Profile, Region, Stack, find_target

app = typer.Typer(help="Make and revoke API keys.", no_args_is_help=True)


@app.command()
def create(
    tenant: Annotated[str, typer.Option(help="Who pays for what the key is used for.")],
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Make a key for a tenant, without limits. It is shown this once."""
    key = find_target(profile, stack, region).wiring().key_administration.create(tenant)
    if json:
        console.print_json({"key_id": key.id, "key": key.text()})
    else:
        console.out.print(f"key id  {key.id}\nkey     {key.text()}", markup=False)
        console.note("the key is not stored and cannot be shown again")


@app.command()
def revoke(
    key_id: str,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Refuse a key from now on: everywhere within 30 s."""
    record = find_target(profile, stack, region).wiring().key_administration.revoke(key_id)
    if json:
        console.print_json({"key_id": record.key_id, "revoked_at": record.revoked_at})
    else:
        console.out.print(f"{record.key_id} of {record.tenant} is revoked", markup=False)
