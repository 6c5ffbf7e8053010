"""`/infer`: bytes to tensors, the one path, tensors to bytes."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from infermeter.api.accounting import with_account
from infermeter.api.identity import identify
from infermeter.api.packing import pack
from infermeter.api.rendering import JSON
from infermeter.metering.ids import Channel
from infermeter.metering.ledger import payload_hash
from infermeter.service import Call, Delivery
from infermeter.wire import oip
from infermeter.wire.binary import SAGEMAKER_TYPE, json_length
from infermeter.wire.compression import decompress
from infermeter.wire.limits import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infermeter.api.exchange import Endpoint, Exchange
    from infermeter.inference import InferenceRequest, InferenceResult
    from infermeter.service import Service
    from infermeter.wire.http import HttpResponse

OCTETS = "application/octet-stream"


class InferenceEndpoint:
    """Serves tensors."""

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        self._service, self._clock = service, clock

    def endpoints(self) -> Mapping[str, Endpoint]:
        """By name."""
        return {"infer": self._infer}

    def _infer(self, exchange: Exchange) -> HttpResponse:
        request, headers = exchange.request, exchange.request.headers
        now = self._clock()
        request_id = identify(request, now)
        exchange.request_id = request_id.text
        started = time.perf_counter()
        body = decompress(request.body, headers.get("content-encoding"), MAX_BODY_BYTES)
        inference, form = self._decode(exchange, body)
        exchange.timings["decode"] = time.perf_counter() - started

        def deliver(_: Call, result: InferenceResult) -> Delivery[HttpResponse]:
            response = _encode(result, form, headers)
            return Delivery(response, len(response.body))

        exchange.served = served = self._service.infer(
            Call(
                principal=exchange.caller(),
                request_id=request_id,
                model=exchange.model,
                version=exchange.version,
                request=inference,
                payload_hash=payload_hash("infer", exchange.model, exchange.version, body),
                channel=Channel.HTTP,
                bytes_in=len(request.body),
                deadline=exchange.deadline,
                patience_until=now + (inference.timeout_s or math.inf),
                gateway_id=request.gateway_id,
                queued_s=max(0.0, now - request.received_ms / 1000),
                decoded_s=exchange.timings["decode"],
            ),
            deliver,
        )
        return with_account(served, exchange.timings)

    def _decode(self, exchange: Exchange, body: bytes) -> tuple[InferenceRequest, oip.OutputForm]:
        length = json_length(exchange.request.headers)
        if length == 0:
            signature = self._service.signature(exchange.model, exchange.version)
            return oip.decode_raw(body, signature)
        return oip.decode_request(body, length)


def _encode(
    result: InferenceResult, form: oip.OutputForm, request: Mapping[str, str]
) -> HttpResponse:
    body, json_size = oip.encode_response(result, form).written()
    if json_size is None:
        return pack(body, {"content-type": JSON}, request)
    # Who sent the length in the type reads it there.
    named = SAGEMAKER_TYPE in request.get("content-type", "")
    headers = {
        "content-type": f"{SAGEMAKER_TYPE}{json_size}" if named else OCTETS,
        "Inference-Header-Content-Length": str(json_size),
    }
    return pack(body, headers, request, binary=True)
