"""A statement as one printable page: no script, nothing loaded, every text escaped."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from infermeter.billing.rating import LineKind
from infermeter.billing.statements import month_text
from infermeter.metering.hours import start_of
from infermeter.wire.statement import line_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from infermeter.billing.rating import Line
    from infermeter.billing.statements import Item, Statement

MEDIA_TYPE = "text/html; charset=utf-8"
# The style is the page's own; nothing else may be fetched or run.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
@page { size: A4; margin: 18mm 16mm; }
:root { color-scheme: light; }
body { font: 14px/1.5 system-ui, "Helvetica Neue", Arial, sans-serif; color: #1a1a1a;
  background: #fff; max-width: 60rem; margin: 2.5rem auto; padding: 0 1.5rem; }
header { display: flex; justify-content: space-between; align-items: flex-start;
  border-bottom: 2px solid #1a1a1a; padding-bottom: 1rem; margin-bottom: 1.5rem; }
h1 { font-size: 1.6rem; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 1rem; margin: 2rem 0 0.5rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0.15rem 1rem; margin: 0; }
dt { color: #666; }
dd { margin: 0; overflow-wrap: anywhere; }
.state { border: 1px solid; border-radius: 999px; padding: 0.1rem 0.75rem; font-weight: 600; }
.final { color: #14622f; }
.open { color: #8a5300; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: #666; border-bottom: 1px solid #1a1a1a; }
th, td { padding: 0.35rem 0.75rem 0.35rem 0; vertical-align: top; overflow-wrap: anywhere; }
td { border-bottom: 1px solid #e4e4e4; }
.n { text-align: right; padding-right: 0; padding-left: 0.75rem; white-space: nowrap; }
tfoot td { border-bottom: 0; border-top: 2px solid #1a1a1a; font-weight: 700; font-size: 1.1rem; }
tr { break-inside: avoid; }
thead { display: table-header-group; }
footer { margin-top: 2rem; color: #666; font-size: 0.8rem; }
@media print { body { margin: 0; padding: 0; max-width: none; font-size: 10pt; } }
"""
_NUMBER = ' class="n"'
_COUNTED = ("Requests", "Units", "Tokens", "Bytes", "ms")
_ROUNDING = (
    "Each line is rounded to the currency's smallest unit, half to the even; totals are sums of "
    "the rounded lines. Ranges count from the month's first unit. The monthly fee is not prorated."
)


def statement_page(statement: Statement) -> bytes:
    """The page, in UTF-8."""
    title = f"Statement {month_text(statement.month)}, {statement.tenant}"
    state = "final" if statement.final else "open"
    word = "Final" if statement.final else "Not final"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<header><div><h1>Statement</h1>{_facts(statement)}</div>"
        f'<span class="state {state}">{word}</span></header>\n'
        f"<main>\n{_charges(statement)}\n{_usage(statement.items)}\n</main>\n"
        f"<footer><p>{_ROUNDING}</p><p>Digest of the usage behind it (SHA-256): "
        f"{escape(statement.digest)}</p></footer>\n</body>\n</html>\n"
    ).encode()


def _facts(statement: Statement) -> str:
    issued = datetime.fromtimestamp(statement.issued_at, UTC)
    facts = {
        "Tenant": statement.tenant,
        "Month": month_text(statement.month),
        "Period": f"{_time(statement.period.start)} to {_time(statement.period.end)}, UTC",
        "Issued": f"{issued:%Y-%m-%d %H:%M} UTC",
        "Figures final up to": _time(statement.watermark) if statement.watermark else "none yet",
    }
    pairs = (f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return f"<dl>{''.join(pairs)}</dl>"


def _charges(statement: Statement) -> str:
    rows = map(_line_cells, statement.lines)
    totals = "".join(
        f'<tr><td colspan="4">Total</td><td class="n">{escape(total.currency)} '
        f"{total.amount:,f}</td></tr>"
        for total in statement.totals
    )
    head = ("Charge", "Price", "Quantity", "Unit price", "Amount")
    return f"<h2>Charges</h2>{_table(head, rows, numbers=3, foot=totals)}"


def _usage(items: Sequence[Item]) -> str:
    names = ("Key", "Model", "Version", "Unit", "Price", *_COUNTED)
    rows = (
        (
            *item.group[:4],
            item.group.price or "none",
            *(
                f"{number:,}"
                for number in (
                    item.quantities.requests,
                    item.quantities.units,
                    item.quantities.tokens,
                    item.quantities.bytes_in + item.quantities.bytes_out,
                    item.quantities.milliseconds,
                )
            ),
        )
        for item in items
    )
    return f"<h2>Usage by key and model</h2>{_table(names, rows, numbers=len(_COUNTED))}"


def _line_cells(line: Line) -> tuple[str, ...]:
    quantity = "" if line.kind is LineKind.FEE else f"{line.quantity:,}"
    amount = f"{line.currency} {line.amount:,f}" if line.currency else "-"
    return line_text(line), line.price or "none", quantity, f"{line.unit_price:,f}", amount


def _table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int, foot: str = ""
) -> str:
    first = len(head) - numbers

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{_NUMBER if place >= first else ''}>{escape(cell)}</{tag}>"
            for place, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>\n" for row in rows)
    end = f"<tfoot>{foot}</tfoot>" if foot else ""
    return f"<table><thead><tr>{cells('th', head)}</tr></thead>\n<tbody>{body}</tbody>{end}</table>"


def _time(hour: str) -> str:
    return f"{start_of(hour):%Y-%m-%d %H:%M}"
