"""A ledger entry as a JSON document: what the spool carries, the archive keeps, the API shows."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from infermeter.metering.ids import Channel, recorded_id
from infermeter.metering.ledger import Kind, LedgerEntry

_PLAIN: dict[str, type] = {
    field.name: {"int": int, "str": str}[str(field.type)]
    for field in fields(LedgerEntry)
    if field.type in ("int", "str")
}
_FIELDS = {field.name for field in fields(LedgerEntry) if field.compare}
_REQUIRED = {field.name for field in fields(LedgerEntry) if field.default is MISSING}


def entry_document(entry: LedgerEntry) -> dict[str, Any]:
    """Plain values under full names, in a fixed order."""
    return {
        "tenant": entry.tenant,
        "id": entry.request_id.text,
        "kind": entry.kind.value,
        "number": entry.number,
        "key_id": entry.key_id,
        "model": entry.model,
        "version": entry.version,
        "unit": entry.unit,
        "requests": entry.requests,
        "units": entry.units,
        "rows": entry.rows,
        "tokens": entry.tokens,
        "bytes_in": entry.bytes_in,
        "bytes_out": entry.bytes_out,
        "milliseconds": entry.milliseconds,
        "channel": entry.channel.value,
        "price": entry.price,
        "lease": entry.lease,
        "payload_hash": entry.payload_hash,
        "nonce": entry.nonce,
        "committed_ms": entry.committed_ms,
        "gateway_id": entry.gateway_id,
        "reason": entry.reason,
    }


def parse_entry(document: object) -> LedgerEntry:
    """The entry of a document that `entry_document` made, of this version of the code or an older
    one, which did not know every field. Raises ValueError for any other: a field that is not known
    here means something, and must not be dropped."""
    if not isinstance(document, dict):
        got = type(document).__name__
        raise ValueError(f"a ledger entry: expected an object, got {got}")  # noqa: TRY004
    values = dict(document)
    try:
        text, kind, channel = values.pop("id"), values.pop("kind"), values.pop("channel")
        values |= {"kind": Kind(kind), "channel": Channel(channel)}
        values["request_id"] = recorded_id(text)
    except (KeyError, AttributeError) as error:
        raise ValueError(f"a ledger entry: expected id, kind and channel: {error!r}") from None
    lacking, unknown = _REQUIRED - values.keys(), values.keys() - _FIELDS
    if lacking or unknown:
        raise ValueError(
            f"a ledger entry: expected {', '.join(sorted(_REQUIRED))}; "
            f"it lacks {sorted(lacking)}, and {sorted(map(str, unknown))} are not known"
        )
    for name, type_ in _PLAIN.items():
        if name in values and type(values[name]) is not type_:
            got = type(values[name]).__name__
            raise ValueError(f"a ledger entry: {name}: expected {type_.__name__}, got {got}")
    return LedgerEntry(**values)
