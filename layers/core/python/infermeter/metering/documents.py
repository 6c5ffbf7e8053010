"""A ledger entry as a JSON document: what the spool carries, the archive keeps, the API shows."""

from __future__ import annotations

from typing import Any

from infermeter.metering.ids import Channel, recorded_id
from infermeter.metering.ledger import Kind, LedgerEntry


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


def parse_entry(document: dict[str, Any]) -> LedgerEntry:
    """The entry of a document that `entry_document` made. Raises KeyError, ValueError."""
    values = dict(document)
    request_id = recorded_id(values.pop("id"))
    kind, channel = Kind(values.pop("kind")), Channel(values.pop("channel"))
    return LedgerEntry(request_id=request_id, kind=kind, channel=channel, **values)
