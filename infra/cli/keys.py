"""`keys`: what customers authenticate with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infermeter.billing.plan_document import limits_document, parse_limits
from infermeter.tenants.administration import KeyTerms
from infermeter.tenants.rotation import DEFAULT_GRACE_S
from infermeter.tenants.scopes import Scopes, parse_scope
from infra.cli import console, terms
from infra.cli.target import Json, Profile, Region, Stack, find_target

if TYPE_CHECKING:
    from infermeter.tenants.keys import KeyRecord

app = typer.Typer(help="Make, list, rotate and revoke API keys.", no_args_is_help=True)


@app.command()
def create(
    tenant: Annotated[str, typer.Option(help="Who pays for what the key is used for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ACTION:MODEL",
            help="What it may do, several if repeated: infer, read, load, usage or *, on a model "
            "or on 'beginning*'. Default: everything.",
        ),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="After 30d, 12h, ..., or at an ISO date or time.")
    ] = None,
    rate: terms.RateOption = None,
    burst: terms.BurstOption = None,
    budget: terms.BudgetOption = None,
    name: Annotated[str, typer.Option(help="What you call it.")] = "",
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Make a key for a tenant, which is made too if it is new. It is shown this once."""
    granted = KeyTerms(
        scopes=Scopes(tuple(parse_scope(text) for text in scope or [])),
        limits=terms.limits(rate, burst, budget),
        expires_at=None if expires is None else terms.parse_moment(expires, time.time()),
        name=name,
    )
    key = find_target(profile, stack, region).wiring().key_administration.create(tenant, granted)
    if json:
        console.print_json({"key_id": key.id, "key": key.text()})
    else:
        console.out.print(f"key id  {key.id}\nkey     {key.text()}", markup=False)
        console.note("the key is not stored and cannot be shown again")


@app.command("list")
def list_keys(
    tenant: Annotated[str, typer.Option(help="Whose keys.")],
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """A tenant's keys, without their secrets."""
    wiring = find_target(profile, stack, region).wiring()
    now = time.time()
    rows = [
        _row(record, wiring.last_uses.last(record.key_id), now)
        for record in wiring.key_administration.of_tenant(tenant)
    ]
    if json:
        console.print_json(rows)
        return
    for row in rows:
        console.out.print(_block(row), markup=False)


@app.command()
def rotate(
    key_id: str,
    grace: Annotated[
        str, typer.Option(help="How long the present secret is still good: 24h, 7d, 0s, ...")
    ] = f"{DEFAULT_GRACE_S // 3600}h",
    rotation_id: Annotated[
        str | None, typer.Option(help="Your name for this rotation; again, it gives the same key.")
    ] = None,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    now: Annotated[
        bool, typer.Option("--now", help="Of two live secrets, end the older at once.")
    ] = False,
    json: Json = False,
) -> None:
    """Give a key a new secret; the present one ends after a while. Usage and limits go on."""
    administration = find_target(profile, stack, region).wiring().key_administration
    rotated = administration.rotate(
        key_id, rotation_id, grace_s=terms.parse_duration(grace), end_older=now
    )
    if json:
        console.print_json(
            {
                "key_id": rotated.key.id,
                "key": rotated.key.text(),
                "rotation_id": rotated.rotation_id,
                "previous_expires_at": rotated.previous_expires_at,
            }
        )
        return
    console.out.print(f"key id    {key_id}\nkey       {rotated.key.text()}", markup=False)
    console.out.print(f"rotation  {rotated.rotation_id}", markup=False)
    console.note(f"the secret before ends at {terms.shown_time(rotated.previous_expires_at)}")
    console.note("the key is not stored; the same rotation id gives it again while it is live")


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


def _row(record: KeyRecord, last_used: int | None, now: float) -> dict[str, Any]:
    return {
        "key_id": record.key_id,
        "name": record.name,
        "scopes": [str(scope) for scope in record.scopes.scopes],
        "state": record.state(now),
        "created_at": record.created_at,
        "expires_at": record.expires_at,
        "revoked_at": record.revoked_at,
        "last_used_at": last_used,
        "limits": limits_document(record.limits),
        "live_secrets": len(record.live_secrets(now)) if record.revoked_at is None else 0,
    }


def _block(row: dict[str, Any]) -> str:
    """A key on lines of its own: as columns they would break its id on a narrow screen."""
    secrets = ", 2 live secrets" if row["live_secrets"] > 1 else ""
    return (
        f"{row['key_id']}  {row['state']}{secrets}  {row['name']}\n"
        f"    scopes     {', '.join(row['scopes']) or 'everything'}\n"
        f"    limits     {parse_limits(row['limits'], 'limits')}\n"
        f"    created    {terms.shown_time(row['created_at'])}\n"
        f"    expires    {terms.shown_time(row['expires_at'], 'never')}\n"
        f"    last used  {terms.shown_time(row['last_used_at'], 'never')}"
    )
