"""`statement`: what a tenant's month comes to."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infermeter.errors import InvalidField
from infra.cli import console
from infra.cli.operations import OperationError
from infra.cli.target import Json, Profile, Region, Stack, find_target

if TYPE_CHECKING:
    from infermeter.billing.statements import Statement

_MONTH = re.compile(r"2[0-9]{3}-(0[1-9]|1[0-2])")


def statement(
    tenant: Annotated[str, typer.Option(help="Whose statement.")],
    month: Annotated[str | None, typer.Option(help="YYYY-MM; default: the present one.")] = None,
    profile: Profile = None,
    stack: Stack = None,
    region: Region = None,
    *,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page to print into this file.")] = None,
    json: Json = False,
) -> None:
    """A tenant's month in lines that add up. It is final once all its hours are sealed."""
    from infermeter.billing.documents import statement_document
    from infermeter.wire.statement import statement_csv
    from infermeter.wire.statement_page import statement_page

    wiring = find_target(profile, stack, region).wiring()
    month = month or datetime.fromtimestamp(wiring.clock(), UTC).strftime("%Y-%m")
    if not _MONTH.fullmatch(month):
        raise InvalidField("month", expected="one as YYYY-MM", got=f"'{month}'")
    found = wiring.statements.of(tenant, month.replace("-", ""))
    if html is not None:
        try:
            html.write_bytes(statement_page(found))
        except OSError as error:
            raise OperationError(f"html: expected a file to write, got {error}") from None
        console.note(f"written to {html}")
    if json:
        console.print_json(statement_document(found))
    elif csv:
        sys.stdout.write(statement_csv(found).decode())
    elif html is None:
        print_statement(found)


def print_statement(found: Statement) -> None:
    """The lines and the totals, as text."""
    from infermeter.billing.statements import month_text
    from infermeter.wire.statement import line_text

    state = "final" if found.final else "not final"
    console.print_table(
        f"statement of {found.tenant}, {month_text(found.month)}: {state}",
        ["for", "price", "quantity", "unit price", "amount"],
        [
            [
                line_text(line),
                line.price or "-",
                line.quantity,
                f"{line.unit_price:f}",
                f"{line.amount:,f} {line.currency}".strip(),
            ]
            for line in found.lines
        ],
    )
    for total in found.totals:
        console.out.print(f"total  {total.amount:,f} {total.currency}", markup=False)
