"""`plans`: what tenants are charged, and what limits them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infermeter.billing.plan_document import document_of, parse_toml
from infermeter.errors import MalformedBody
from infra.cli import console
from infra.cli.target import Json, Profile, Region, Stack, find_target

if TYPE_CHECKING:
    from infermeter.billing.plans import Plan, Price

app = typer.Typer(help="Store, list and show plans.", no_args_is_help=True)


@app.command()
def put(
    file: Annotated[
        Path, typer.Argument(help="A plan as TOML.", exists=True, dir_okay=False, readable=True)
    ],
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Put a plan in force, as a new version if it differs from the one that is.

    What was used before is charged by the version that was in force then.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise MalformedBody(f"{file}: expected TOML in UTF-8, got {error.reason}") from None
    plan = parse_toml(text)
    placed = find_target(profile, stack, region).wiring().plan_administration.put(plan)
    if json:
        console.print_json(
            {
                "plan": placed.plan.name,
                "version": placed.plan.version,
                "changed": placed.changed,
            }
        )
    else:
        what = "is in force" if placed.changed else "is in force already; nothing is changed"
        console.out.print(f"{placed.plan.reference} {what}", markup=False)


@app.command("list")
def list_plans(
    profile: Profile = None, stack: Stack = None, region: Region = None, *, json: Json = False
) -> None:
    """All plans, with the version in force."""
    administration = find_target(profile, stack, region).wiring().plan_administration
    plans = [administration.plan(name) for name in administration.names()]
    if json:
        console.print_json([_document(plan) for plan in plans])
        return
    console.print_table(
        "plans",
        ["plan", "version", "fee a month", "prices", "limits of a tenant"],
        [
            [
                plan.name,
                plan.version,
                f"{plan.monthly_fee:f} {plan.currency}",
                len(plan.prices),
                str(plan.limits),
            ]
            for plan in plans
        ],
    )


@app.command()
def show(
    plan: Annotated[str, typer.Argument(metavar="NAME[:VERSION]")],
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """A plan in force, or one of its versions."""
    found = find_target(profile, stack, region).wiring().plan_administration.plan(plan)
    if json:
        console.print_json(_document(found))
        return
    console.out.print(
        f"{found.reference}: {found.monthly_fee:f} {found.currency} a month; "
        f"limits of a tenant: {found.limits}",
        markup=False,
    )
    console.print_table(
        "prices",
        ["model", "measure", "included", f"{found.currency} each"],
        [
            [price.model, price.measure.value, price.included, _tiers(price)]
            for price in found.prices
        ],
    )


def _document(plan: Plan) -> dict[str, object]:
    return {"version": plan.version} | document_of(plan)


def _tiers(price: Price) -> str:
    return ", ".join(
        f"{tier.price:f}" + ("" if tier.up_to is None else f" up to {tier.up_to:,}")
        for tier in price.tiers
    )
