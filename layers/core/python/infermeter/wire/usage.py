"""Usage as documents: the rows that answer a query, and one request's charge.

Names are those of OpenAI's usage and OpenMeter's query where they mean the same: `start` and `end`
are half-open, what was summed over is null, `has_more` comes with a cursor.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from infermeter.metering.hours import hour_of
from infermeter.wire.csv_table import csv_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from infermeter.metering.ledger import LedgerEntry
    from infermeter.metering.requests import ChargedRequest
    from infermeter.metering.usage import UsageQuery, Used

COLUMNS = (
    *("start", "end", "key_id", "model", "version", "unit", "price"),
    *("requests", "units", "rows", "tokens", "bytes_in", "bytes_out", "milliseconds", "final"),
)


def usage_document(
    query: UsageQuery, rows: Sequence[Used], *, watermark: str, next_after: str | None
) -> dict[str, Any]:
    """The answer to a query; `next_after` is the cursor of more rows, None where there are none."""
    return {
        "object": "list",
        "tenant": query.tenant,
        "from": hour_text(query.period.start),
        "to": hour_text(query.period.end),
        "window": query.window.value,
        "group_by": [each.value for each in query.dimensions],
        "watermark": watermark_text(watermark),
        "data": [usage_row(row) for row in rows],
        "has_more": next_after is not None,
        "next_after": next_after,
    }


def usage_row(row: Used) -> dict[str, Any]:
    """A row under the names of `COLUMNS`."""
    return {
        "start": hour_text(row.period.start),
        "end": hour_text(row.period.end),
        **{name: value or None for name, value in row.group._asdict().items()},
        **row.quantities._asdict(),
        "final": row.final,
    }


def usage_csv(rows: Iterable[Used]) -> bytes:
    """The rows as a table."""
    return csv_table(COLUMNS, ([*usage_row(row).values()] for row in rows))


def request_document(request: ChargedRequest) -> dict[str, Any]:
    """`GET /v1/usage/requests/{request_id}`, without what is of no use outside: nonce, hash."""
    charge = request.charge
    return {
        "object": "usage.request",
        "id": charge.request_id.text,
        "tenant": charge.tenant,
        "key_id": charge.key_id,
        "model": charge.model,
        "version": charge.version,
        "unit": charge.unit,
        "price": charge.price or None,
        "channel": charge.channel.value,
        "gateway_id": charge.gateway_id or None,
        "charge": _entry(charge, request),
        "adjustments": [
            {"number": each.number, "reason": each.reason, **_entry(each, request)}
            for each in request.adjustments
        ],
        "net": request.net._asdict(),
        "final": request.final,
    }


def hour_text(hour: str) -> str:
    """When an hour (`yyyymmddhh`) begins, in ISO 8601."""
    # Of a year's rows each has two: to read them as times took most of an answer's time.
    return f"{hour[:4]}-{hour[4:6]}-{hour[6:8]}T{hour[8:]}:00:00Z"


def watermark_text(watermark: str) -> str | None:
    """The time up to which figures are final; None where no hour is sealed."""
    return hour_text(watermark) if watermark else None


def _entry(entry: LedgerEntry, request: ChargedRequest) -> dict[str, Any]:
    time = datetime.fromtimestamp(entry.committed_ms / 1000, UTC)
    return {
        "committed_at": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "accounted_hour": hour_text(hour_of(request.accounted(entry).committed_ms)),
        **entry.quantities._asdict(),
        "final": request.sealed(entry),
    }
