"""A statement as a JSON document: what is kept, and what the API shows. Money is text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from infermeter.billing.rating import Line, LineKind
from infermeter.billing.statements import Item, Statement, month_text
from infermeter.metering.measures import Measure, Quantities
from infermeter.metering.usage import Group
from infermeter.metering.windows import Period


def statement_document(statement: Statement) -> dict[str, Any]:
    """Plain values under full names. `currency` and `total` are null where there is not one."""
    totals = [
        {"currency": total.currency, "amount": money(total.amount)} for total in statement.totals
    ]
    single = totals[0] if len(totals) == 1 else {"currency": None, "amount": None}
    return {
        "object": "statement",
        "tenant": statement.tenant,
        "month": month_text(statement.month),
        "from": _time(statement.period.start),
        "to": _time(statement.period.end),
        "final": statement.final,
        "watermark": _time(statement.watermark),
        "issued_at": statement.issued_at,
        "usage_digest": statement.digest,
        "currency": single["currency"],
        "total": single["amount"],
        "totals": totals,
        "lines": [_line(line) for line in statement.lines],
        "usage": [_item(item) for item in statement.items],
    }


def parse_statement(document: dict[str, Any]) -> Statement:
    """The statement of a document that `statement_document` made. Raises KeyError, ValueError."""
    return Statement(
        tenant=document["tenant"],
        month=document["month"].replace("-", ""),
        period=Period(_hour(document["from"]), _hour(document["to"])),
        lines=tuple(map(_parse_line, document["lines"])),
        items=tuple(map(_parse_item, document["usage"])),
        final=document["final"],
        watermark=_hour(document["watermark"]),
        digest=document["usage_digest"],
        issued_at=document["issued_at"],
    )


def money(amount: Decimal) -> str:
    """Digits without an exponent."""
    return f"{amount:f}"


def _line(line: Line) -> dict[str, Any]:
    return {
        "kind": line.kind.value,
        "currency": line.currency or None,
        "price": line.price or None,
        "model": line.model or None,
        "measure": None if line.kind is LineKind.FEE else line.measure.value,
        "start": line.start,
        "end": line.end,
        "quantity": line.quantity,
        "unit_price": money(line.unit_price),
        "amount": money(line.amount),
    }


def _parse_line(document: dict[str, Any]) -> Line:
    return Line(
        kind=LineKind(document["kind"]),
        currency=document["currency"] or "",
        price=document["price"] or "",
        model=document["model"] or "",
        measure=Measure(document["measure"] or Measure.REQUEST),
        quantity=document["quantity"],
        unit_price=Decimal(document["unit_price"]),
        amount=Decimal(document["amount"]),
        start=document["start"],
        end=document["end"],
    )


def _item(item: Item) -> dict[str, Any]:
    group = {name: value or None for name, value in item.group._asdict().items()}
    return {**group, **item.quantities._asdict()}


def _parse_item(document: dict[str, Any]) -> Item:
    return Item(
        Group(*(document[name] or "" for name in Group._fields)),
        Quantities(*(document[name] for name in Quantities._fields)),
    )


def _time(hour: str) -> str | None:
    return f"{hour[:4]}-{hour[4:6]}-{hour[6:8]}T{hour[8:]}:00:00Z" if hour else None


def _hour(time: str | None) -> str:
    return f"{time[:4]}{time[5:7]}{time[8:10]}{time[11:13]}" if time else ""
