"""The HTTP application: a request in, a response out, whatever happens in between."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from infermeter import __version__
from infermeter.api.rendering import JSON, render_error, render_json, status_of
from infermeter.api.routes import match
from infermeter.errors import InfermeterError, TooLarge
from infermeter.metering.ids import Channel, derive_id, parse_id
from infermeter.metering.ledger import payload_hash
from infermeter.service import Call, Delivery
from infermeter.wire import oip
from infermeter.wire.http import HttpResponse
from infermeter.wire.limits import MAX_ANSWER_BYTES, MAX_BINARY_ANSWER_BYTES, escaped_size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infermeter.api.routes import Match
    from infermeter.inference import InferenceResult
    from infermeter.metering.ids import RequestId
    from infermeter.service import Served, Service
    from infermeter.tenants.authentication import Principal
    from infermeter.wire.http import HttpRequest

OCTETS = "application/octet-stream"
_HEADER_LENGTH = "inference-header-content-length"


@dataclass(slots=True)
class Exchange:
    """One request with its response, and what a log or a metric wants to know of it."""

    request: HttpRequest
    deadline: float
    response: HttpResponse = field(default_factory=lambda: HttpResponse(500))
    endpoint: str = ""
    model: str = ""
    principal: Principal | None = None
    request_id: str = ""
    served: Served[HttpResponse] | None = None
    error: InfermeterError | None = None
    timings: dict[str, float] = field(default_factory=dict)


class Application:
    """Routes requests to the service; an error of the domain becomes its response."""

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        self._service, self._clock = service, clock
        self._endpoints: Mapping[str, Callable[[Exchange, Match], HttpResponse]] = {
            "server_metadata": lambda *_: render_json(oip.server_metadata(__version__)),
            "server_live": lambda *_: render_json({"live": True}),
            "server_ready": lambda *_: render_json({"ready": True, "live": True}),
            "list_models": lambda *_: render_json({"models": service.catalog.models()}),
            "model_metadata": self._model_metadata,
            "model_ready": self._model_ready,
            "infer": self._infer,
        }

    def handle(self, request: HttpRequest, *, deadline: float, cold: bool = False) -> Exchange:
        """The exchange for a request whose answer must be out by `deadline` (epoch seconds).

        Never raises an error of the domain. `cold` marks the first request of an environment.
        """
        exchange = Exchange(request, deadline, request_id=request.gateway_id)
        try:
            exchange.response = self._answer(exchange)
        except InfermeterError as error:
            exchange.error = error
            exchange.response = render_error(error)
        headers = {
            "x-request-id": exchange.request_id,
            "infermeter-cold-start": "true" if cold else "false",
            **exchange.response.headers,
        }
        exchange.response = replace(exchange.response, headers=headers)
        return exchange

    def _answer(self, exchange: Exchange) -> HttpResponse:
        request = exchange.request
        found = match(request.method, request.path)
        exchange.endpoint, exchange.model = found.route.endpoint, found.model
        if not found.route.public:
            started = time.perf_counter()
            exchange.principal = self._service.authenticator.by_secret(_credential(request.headers))
            exchange.timings["auth"] = time.perf_counter() - started
        return self._endpoints[found.route.endpoint](exchange, found)

    def _model_metadata(self, _: Exchange, found: Match) -> HttpResponse:
        version = self._service.catalog.resolve(found.model, found.version)
        manifest = self._service.models.manifest(version)
        versions = list(self._service.catalog.record(found.model).versions)
        return render_json(oip.model_metadata(manifest, versions, version.digest))

    def _model_ready(self, _: Exchange, found: Match) -> HttpResponse:
        self._service.catalog.resolve(found.model, found.version)
        return render_json({"name": found.model, "ready": True})

    def _infer(self, exchange: Exchange, found: Match) -> HttpResponse:
        request, principal = exchange.request, exchange.principal
        assert principal is not None  # noqa: S101  the route is not public
        request_id = self._request_id(request)
        exchange.request_id = request_id.text
        started = time.perf_counter()
        inference, form = oip.decode_request(request.body, request.headers.get(_HEADER_LENGTH))
        exchange.timings["decode"] = time.perf_counter() - started

        def deliver(_: Call, result: InferenceResult) -> Delivery[HttpResponse]:
            response = _encode(result, form)
            return Delivery(response, len(response.body))

        exchange.served = self._service.infer(
            Call(
                principal=principal,
                request_id=request_id,
                model=found.model,
                version=found.version,
                request=inference,
                payload_hash=payload_hash("infer", found.model, found.version, request.body),
                channel=Channel.HTTP,
                bytes_in=len(request.body),
                deadline=exchange.deadline,
                gateway_id=request.gateway_id,
            ),
            deliver,
        )
        return _with_account(exchange.served, exchange.timings)

    def _request_id(self, request: HttpRequest) -> RequestId:
        given = request.headers.get("idempotency-key")
        if given is None:
            return derive_id(request.received_ms, request.gateway_id)
        return parse_id(given, now_s=self._clock(), channel=Channel.HTTP)


def is_fault(error: InfermeterError) -> bool:
    """Whether the error is ours rather than the caller's."""
    return status_of(error) >= 500


def _credential(headers: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key")


def _encode(result: InferenceResult, form: oip.OutputForm) -> HttpResponse:
    body = oip.encode_response(result, form)
    binary = body.json_size is not None
    limit = MAX_BINARY_ANSWER_BYTES if binary else MAX_ANSWER_BYTES
    size = len(body.content) if binary else escaped_size(body.content)
    if size > limit:
        raise TooLarge(
            "answer",
            limit=limit,
            got=size,
            unit="bytes",
            remedy="send fewer rows, or ask for fewer outputs; this attempt was not billed",
        )
    headers = {"content-type": OCTETS if binary else JSON}
    if binary:
        headers["Inference-Header-Content-Length"] = str(body.json_size)
    return HttpResponse(200, body.content, headers, binary=binary)


def _with_account(served: Served[HttpResponse], timings: Mapping[str, float]) -> HttpResponse:
    """The answer with what was billed and what it took."""
    spent = {**timings, **served.timings}
    return replace(
        served.answer,
        headers={
            **served.answer.headers,
            "infermeter-units": str(served.units),
            "infermeter-billed": served.billed.value,
            "infermeter-model-version": served.result.version,
            "server-timing": ", ".join(
                f"{name};dur={seconds * 1000:.2f}" for name, seconds in spent.items()
            ),
        },
    )
