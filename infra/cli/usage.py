"""`usage`: what a tenant used; `request`: what one request was charged."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from infra.cli import console
from infra.cli.target import Json, Profile, Region, Stack, find_target

Tenant = Annotated[str, typer.Option(help="Whose usage.")]


def show(
    tenant: Tenant,
    since: Annotated[
        str | None, typer.Option("--from", help="ISO 8601 or a date, UTC; default: this month.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Up to, and without; default: now.")
    ] = None,
    window: Annotated[str, typer.Option(help="hour, day, month or total.")] = "total",
    group_by: Annotated[
        str, typer.Option(help="Some of key, model, version, unit, price.")
    ] = "key,model,version",
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    json: Json = False,
) -> None:
    """A tenant's usage. Rows are final once their hours are sealed."""
    from infermeter.wire.usage import hour_text, usage_csv, usage_row, watermark_text
    from infermeter.wire.usage_query import decode_usage_query

    wiring = find_target(profile, stack, region).wiring()
    asked = {"from": since, "to": until, "window": window, "group_by": group_by}
    query = decode_usage_query(
        {name: [value] for name, value in asked.items() if value is not None},
        tenant=tenant,
        allowed=lambda _: True,
        now=wiring.clock(),
    ).query
    watermark = wiring.usage.watermark(tenant)
    rows = list(wiring.usage.used(query, watermark))
    if json:
        console.print_json([{"tenant": tenant, **usage_row(row)} for row in rows])
    elif csv:
        sys.stdout.write(usage_csv(rows).decode())
    else:
        final = watermark_text(watermark) or "no hour yet"
        console.print_table(
            f"usage of {tenant}, final up to {final}",
            ["from", "key", "model", "version", "unit", "price", "requests", "units", "final"],
            [
                [hour_text(row.period.start), *row.group, *row.quantities[:2], _word(row.final)]
                for row in rows
            ],
        )


def request(
    request_id: Annotated[str, typer.Argument(help="An Idempotency-Key, or an x-request-id.")],
    tenant: Tenant,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    json: Json = False,
) -> None:
    """What one request was charged, and what was adjusted."""
    from infermeter.wire.usage import request_document

    found = find_target(profile, stack, region).wiring().requests.find(tenant, request_id)
    document = request_document(found)
    if json:
        console.print_json(document)
        return
    entries = [("charge", document["charge"])]
    entries += [(f"adjustment {each['number']}", each) for each in document["adjustments"]]
    rows = [
        [kind, each["accounted_hour"], each["requests"], each["units"], _word(each["final"])]
        for kind, each in entries
    ]
    net = document["net"]
    rows.append(["net", "", net["requests"], net["units"], _word(document["final"])])
    console.print_table(
        f"{found.charge.request_id.text}: {found.charge.model} {found.charge.version}",
        ["entry", "in the hour", "requests", "units", "final"],
        rows,
    )


def _word(final: bool) -> str:
    return "yes" if final else "no"
