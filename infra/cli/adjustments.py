"""`adjust`, `void`: corrections of what was charged, in the hour in which they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli import console
from infra.cli.target import Json, Profile, Region, Stack, find_target

if TYPE_CHECKING:
    from infermeter.metering.ledger import LedgerEntry

RequestId = Annotated[str, typer.Argument(help="An Idempotency-Key, or an x-request-id.")]
Tenant = Annotated[str, typer.Option(help="Whose charge.")]
Reason = Annotated[str, typer.Option(help="Why; the tenant is shown it.")]


def adjust(
    request_id: RequestId,
    tenant: Tenant,
    reason: Reason,
    units: Annotated[int, typer.Option(min=0, help="Units to take back.")] = 0,
    rows: Annotated[int, typer.Option(min=0, help="Rows to take back.")] = 0,
    tokens: Annotated[int, typer.Option(min=0, help="Tokens to take back.")] = 0,
    requests: Annotated[int, typer.Option(min=0, max=1, help="Whether it counts no more.")] = 0,
    number: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="How many adjustments the charge had before: the same command again then changes "
            "nothing. Default: as many as it has now.",
        ),
    ] = None,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Take a part of a charge back."""
    from infermeter.metering.measures import Quantities

    wiring = find_target(profile, stack, region).wiring()
    found = wiring.requests.find(tenant, request_id)
    entry = wiring.adjustments.adjust(
        tenant,
        found.charge.request_id,
        Quantities(requests=requests, units=units, rows=rows, tokens=tokens),
        number=len(found.adjustments) if number is None else number,
        reason=reason,
    )
    _report(entry, json=json)


def void(
    request_id: RequestId,
    tenant: Tenant,
    reason: Reason,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """Take back all that is left of a charge. Again, it changes nothing."""
    wiring = find_target(profile, stack, region).wiring()
    charge = wiring.requests.find(tenant, request_id).charge
    _report(wiring.adjustments.void(tenant, charge.request_id, reason=reason), json=json)


def _report(entry: LedgerEntry, *, json: bool) -> None:
    facts = {
        "id": entry.request_id.text,
        "number": entry.number,
        "reason": entry.reason,
        **entry.quantities._asdict(),
    }
    if json:
        console.print_json(facts)
    else:
        console.out.print(
            f"adjustment {entry.number} of {entry.request_id.text}: {entry.units:,} units, "
            f"{entry.requests} requests",
            markup=False,
        )
