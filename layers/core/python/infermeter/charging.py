"""What a call is charged: quantities as they become known, and the ledger's entry of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from infermeter.embedding import count_tokens
from infermeter.metering.ledger import LedgerEntry
from infermeter.metering.measures import Quantities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from infermeter.engine.models import ServedModel
    from infermeter.execution import Admitted
    from infermeter.service import Call


def expected(admitted: Admitted) -> Quantities:
    """What the call will be charged, as far as it is known before the run."""
    call, unit = admitted.call, admitted.model.manifest.unit
    rows, tokens = admitted.rows, admitted.tokens
    units = {"row": rows, "token": tokens}.get(unit, 1)
    return Quantities(1, units, rows, tokens, call.bytes_in)


def charged(admitted: Admitted, bytes_out: int) -> Quantities:
    """What it is charged once its answer of so many bytes is made."""
    milliseconds = round(admitted.timings["infer"] * 1000)
    return expected(admitted)._replace(bytes_out=bytes_out, milliseconds=milliseconds)


def charge(admitted: Admitted, quantities: Quantities, lease: str, now: float) -> LedgerEntry:
    """The entry of an attempt to charge it, made `now` (epoch seconds) under a lease."""
    call, version = admitted.call, admitted.model.version
    return LedgerEntry(
        tenant=call.principal.tenant,
        request_id=call.request_id,
        key_id=call.principal.key_id,
        model=version.model,
        version=version.version,
        unit=admitted.model.manifest.unit,
        units=quantities.units,
        rows=quantities.rows,
        tokens=quantities.tokens,
        bytes_in=quantities.bytes_in,
        bytes_out=quantities.bytes_out,
        milliseconds=quantities.milliseconds,
        channel=call.channel,
        payload_hash=call.payload_hash,
        nonce=os.urandom(8).hex(),
        committed_ms=int(now * 1000),
        gateway_id=call.gateway_id,
        lease=lease,
        price=call.principal.price,
        sharding=call.principal.sharding,
    )


def tokens_of(call: Call, model: ServedModel, inputs: Mapping[str, NDArray[Any]]) -> int:
    """Those that the caller's text became, or those among the tensors that it sent."""
    embedding = model.manifest.embedding
    if call.request.tokens or embedding is None:
        return call.request.tokens
    return count_tokens(embedding, inputs)
