"""Schemas and parameters of the usage API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infermeter.metering.measures import Measure, Quantities
from infermeter.metering.usage import Dimension
from infermeter.metering.windows import Window
from infermeter.openapi.notation import BOOLEAN, COUNT, STRING, any_of, listing, record, ref
from infermeter.wire.usage_query import DEFAULT_ROWS, MAX_DAYS, MAX_ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infermeter.openapi.notation import Schema

_NULL: Schema = {"type": "null"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_NULLABLE_TIME = any_of(_TIME, _NULL)
_NULLABLE: Schema = {"type": ["string", "null"]}
# Corrections are negative.
_QUANTITIES: Mapping[str, Schema] = {name: {"type": "integer"} for name in Quantities._fields}
_NAMES = ("key_id", "model", "version", "unit", "price")
_GROUP: Mapping[str, Schema] = dict.fromkeys(_NAMES, _NULLABLE)
_MONEY: Schema = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_MEASURE: Schema = {"enum": [each.value for each in Measure]}
_FINAL: Schema = {**BOOLEAN, "description": "All its hours are sealed: it never changes."}
_ENTRY: Mapping[str, Schema] = {
    "committed_at": _TIME,
    "accounted_hour": {
        **_TIME,
        "description": "The hour whose rows have it: a later one than its own where that was "
        "sealed without it.",
    },
    **_QUANTITIES,
    "final": _FINAL,
}

USAGE_SCHEMAS: Mapping[str, Schema] = {
    "Usage": record(
        {
            "object": {"const": "list"},
            "tenant": STRING,
            "from": {**_TIME, "description": "`from`, moved back to the hour."},
            "to": {**_TIME, "description": "`to`, moved on to the hour; not included."},
            "window": {"enum": [each.value for each in Window]},
            "group_by": listing({"enum": [each.value for each in Dimension]}),
            "watermark": {
                **_NULLABLE_TIME,
                "description": "The time up to which figures are final; null for none yet.",
            },
            "data": listing(ref("UsageRow")),
            "has_more": BOOLEAN,
            "next_after": {**_NULLABLE, "description": "`after` of the next rows."},
        }
    ),
    "UsageRow": record(
        {"start": _TIME, "end": _TIME, **_GROUP, **_QUANTITIES, "final": _FINAL},
        description="What was used from `start` up to `end`. What was summed over is null. "
        "`requests` are without replays, and less what was voided; `units` are the model's own.",
    ),
    "UsageOfRequest": record(
        {
            "object": {"const": "usage.request"},
            **dict.fromkeys(("id", "tenant", "key_id", "model", "version", "unit"), STRING),
            "price": {**_NULLABLE, "description": "The plan and its version: `<plan>:<version>`."},
            "channel": {"enum": ["http", "sqs"]},
            "gateway_id": _NULLABLE,
            "charge": record(_ENTRY),
            "adjustments": listing(
                record({"number": COUNT, "reason": STRING, **_ENTRY}),
                description="What was taken back.",
            ),
            "net": record(_QUANTITIES, description="The charge with its adjustments."),
            "final": _FINAL,
        }
    ),
    "Statement": record(
        {
            "object": {"const": "statement"},
            "tenant": STRING,
            "month": STRING,
            "from": _TIME,
            "to": _TIME,
            "final": _FINAL,
            "watermark": _NULLABLE_TIME,
            "issued_at": {**COUNT, "description": "Epoch seconds."},
            "usage_digest": {
                **STRING,
                "description": "SHA-256 of the hourly rows behind it: two statements of one digest "
                "are of the same usage.",
            },
            "currency": {**_NULLABLE, "description": "Null where there is not exactly one."},
            "total": any_of(_MONEY, _NULL),
            "totals": listing(record({"currency": STRING, "amount": _MONEY})),
            "lines": listing(ref("StatementLine")),
            "usage": listing(record({**_GROUP, **_QUANTITIES})),
        },
        description="Totals are the sums of the lines.",
    ),
    "StatementLine": record(
        {
            "kind": {"enum": ["usage", "fee", "unpriced"]},
            "currency": _NULLABLE,
            "price": _NULLABLE,
            "model": {**_NULLABLE, "description": "As the price names it, such as `team-*`."},
            "measure": any_of(_MEASURE, _NULL),
            "start": {**COUNT, "description": "The month's quantity at which the tier begins."},
            "end": {"type": ["integer", "null"], "description": "Where it ends; null: nowhere."},
            "quantity": {"type": "integer"},
            "unit_price": _MONEY,
            "amount": {**_MONEY, "description": "Rounded half to even, in the smallest unit."},
        }
    ),
    "UsageLimits": record(
        {
            "object": {"const": "usage.limits"},
            "tenant": STRING,
            "key_id": STRING,
            "price": _NULLABLE,
            "limits": listing(
                record(
                    {
                        "of": {"enum": ["key", "tenant"]},
                        "name": STRING,
                        "rate": any_of(
                            record({"per_s": {"type": "number"}, "burst": COUNT}), _NULL
                        ),
                        "budget": any_of(
                            record(
                                {
                                    "measure": _MEASURE,
                                    "amount": COUNT,
                                    "used": {"type": "integer"},
                                    "remaining": COUNT,
                                    "period": {"const": "month"},
                                    "resets_at": _TIME,
                                }
                            ),
                            _NULL,
                        ),
                    }
                )
            ),
        }
    ),
}


def _query(name: str, description: str, schema: Schema) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_MOMENT = "ISO 8601 (UTC without a zone), YYYY-MM-DD, or epoch seconds"
_FORMAT = "Instead of Accept."

USAGE_PARAMETERS: Mapping[str, dict[str, Any]] = {
    "From": _query(
        "from",
        f"{_MOMENT}; moved back to the hour. By default the beginning of the month that `to` ends.",
        {**STRING, "examples": ["2026-11-01", "2026-11-01T13:00:00Z", "1793491200"]},
    ),
    "To": _query(
        "to",
        f"Up to this time, and without it: {_MOMENT}; moved on to the hour. By default now. At "
        + ", ".join(f"{days} days with {window.value}" for window, days in MAX_DAYS.items())
        + " after `from` at most.",
        STRING,
    ),
    "Window": _query(
        "window",
        "What a row sums up, in UTC; `total` is all of the period.",
        {"enum": [each.value for each in Window], "default": Window.DAY.value},
    ),
    "GroupBy": {
        **_query(
            "group_by",
            "What rows are told apart by, separated by commas; by default `key,model,version`. "
            "Units of different kinds are never added, so `unit` always is among it.",
            listing({"enum": [each.value for each in Dimension]}),
        ),
        "style": "form",
        "explode": False,
    },
    "Limit": _query(
        "limit",
        "Rows in one answer.",
        {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": DEFAULT_ROWS},
    ),
    "After": _query("after", "`next_after` of the last answer to the same query.", STRING),
    "TableFormat": _query("format", _FORMAT, {"enum": ["json", "csv"]}),
    "PageFormat": _query("format", _FORMAT, {"enum": ["json", "csv", "html"]}),
}
