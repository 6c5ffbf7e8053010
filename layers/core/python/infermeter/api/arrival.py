"""A request of the data plane on its way to the service: id, body, and the call it makes."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, NamedTuple

from infermeter.api.identity import identify
from infermeter.metering.ids import Channel
from infermeter.metering.ledger import payload_hash
from infermeter.service import Call
from infermeter.wire.compression import decompress
from infermeter.wire.limits import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from infermeter.api.exchange import Exchange
    from infermeter.engine.models import ServedModel
    from infermeter.inference import InferenceRequest
    from infermeter.metering.ids import RequestId
    from infermeter.transfers.uploads import Reading


class Arrival(NamedTuple):
    """A request that has its id. `body` is as it was before compression.

    `now` is the epoch time in seconds, `started` the performance counter's, before decoding.
    """

    exchange: Exchange
    request_id: RequestId
    body: bytes
    now: float
    started: float

    def call(
        self,
        operation: str,
        *,
        model: str,
        version: str | None,
        request: InferenceRequest,
        for_model: Callable[[ServedModel], InferenceRequest] | None = None,
        reading: Reading | None = None,
    ) -> Call:
        """The call that the body was decoded to; `operation` tells equal bodies apart by route.

        What `reading` fetched belongs to the body: another content makes another request.
        """
        fetched = reading.digests if reading else ()
        exchange, received = self.exchange, self.exchange.request
        exchange.timings["decode"] = time.perf_counter() - self.started
        return Call(
            principal=exchange.caller(),
            request_id=self.request_id,
            model=model,
            version=version,
            request=request,
            for_model=for_model,
            payload_hash=payload_hash(operation, model, version, self.body, *fetched),
            channel=Channel.HTTP,
            bytes_in=len(received.body) + (reading.size if reading else 0),
            deadline=exchange.deadline,
            patience_until=self.now + (request.timeout_s or math.inf),
            gateway_id=received.gateway_id,
            queued_s=max(0.0, self.now - received.received_ms / 1000),
            decoded_s=exchange.timings["decode"],
        )


def arrive(exchange: Exchange, now: float) -> Arrival:
    """Identifies the request, then unpacks its body; the exchange learns the id.

    Raises MalformedRequestId, RequestIdOutsideWindow; UnsupportedEncoding, TooLarge, MalformedBody.
    """
    request = exchange.request
    request_id = identify(request, now)
    exchange.request_id = request_id.text
    started = time.perf_counter()
    body = decompress(request.body, request.headers.get("content-encoding"), MAX_BODY_BYTES)
    return Arrival(exchange, request_id, body, now, started)
