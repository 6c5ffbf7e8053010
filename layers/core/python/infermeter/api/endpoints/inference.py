"""`/infer`: bytes to tensors, the one path, tensors to bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from infermeter.api.accounting import with_account
from infermeter.api.arrival import arrive
from infermeter.api.packing import check_packable, pack
from infermeter.api.rendering import JSON
from infermeter.errors import TooLarge
from infermeter.service import Delivery
from infermeter.wire import oip
from infermeter.wire.binary import SAGEMAKER_TYPE, json_length, names_length
from infermeter.wire.raw import decode_raw
from infermeter.wire.uploads import output_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infermeter.api.exchange import Endpoint, Exchange
    from infermeter.inference import InferenceRequest, InferenceResult
    from infermeter.service import Call, Service
    from infermeter.transfers.answers import LargeAnswers
    from infermeter.transfers.uploads import Reading, Uploads
    from infermeter.wire.http import HttpResponse

OCTETS = "application/octet-stream"


class InferenceEndpoint:
    """Serves tensors; large ones through `uploads` and `answers`, where the server has them."""

    def __init__(
        self,
        service: Service,
        clock: Callable[[], float],
        uploads: Uploads | None = None,
        answers: LargeAnswers | None = None,
    ) -> None:
        self._service, self._clock = service, clock
        self._uploads, self._answers = uploads, answers

    def endpoints(self) -> Mapping[str, Endpoint]:
        """By name."""
        return {"infer": self._infer}

    def _infer(self, exchange: Exchange) -> HttpResponse:
        headers = exchange.request.headers
        arrival = arrive(exchange, self._clock())
        reading = self._uploads.reading(exchange.caller().tenant) if self._uploads else None
        length = json_length(headers)
        inference, form = self._decode(exchange, arrival.body, length, reading)

        def deliver(call: Call, result: InferenceResult) -> Delivery[HttpResponse]:
            try:
                check_packable(oip.least_size(result, form), headers)
                response = _encode(result, form, headers)
            except TooLarge:
                if self._answers is None:
                    raise
                return _keep(self._answers, call, result, form, headers)
            return Delivery(response, len(response.body))

        call = arrival.call(
            # A header alone tells them apart: raw, the same bytes may be one row in place of many.
            "infer raw" if length == 0 else "infer",
            model=exchange.model,
            version=exchange.version,
            request=inference,
            reading=reading,
        )
        exchange.served = served = self._service.infer(call, deliver)
        return with_account(served, exchange.timings)

    def _decode(
        self, exchange: Exchange, body: bytes, length: int | None, reading: Reading | None
    ) -> tuple[InferenceRequest, oip.OutputForm]:
        if length == 0:
            signature = self._service.signature(exchange.model, exchange.version)
            return decode_raw(body, signature)
        return oip.decode_request(body, length, reading.fetch if reading else None)


def _encode(
    result: InferenceResult, form: oip.OutputForm, request: Mapping[str, str]
) -> HttpResponse:
    body, json_size = oip.encode_response(result, form).written()
    if json_size is None:
        return pack(body, {"content-type": JSON}, request)
    # Who sent the length in the type reads it there.
    named = names_length(request)
    headers = {
        "content-type": f"{SAGEMAKER_TYPE}{json_size}" if named else OCTETS,
        "Inference-Header-Content-Length": str(json_size),
    }
    return pack(body, headers, request, binary=True)


def _keep(
    answers: LargeAnswers,
    call: Call,
    result: InferenceResult,
    form: oip.OutputForm,
    request: Mapping[str, str],
) -> Delivery[HttpResponse]:
    """All outputs in one stored binary part, as a request's `input_uri` may hold all inputs."""
    body = oip.encode_response(result, replace(form, binary={}, otherwise=True))
    answer = answers.keep(call, result.version, b"".join(body.parts))
    body.document["parameters"] = output_parameters(answer)
    content, _ = oip.Body(body.document).written()
    response = pack(content, {"content-type": JSON}, request)
    return Delivery(response, len(response.body) + answer.size)
