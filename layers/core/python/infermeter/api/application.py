"""The HTTP application: a request in, a response out, whatever happens in between."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from infermeter.api.credentials import credential
from infermeter.api.exchange import Exchange
from infermeter.api.rendering import render_error
from infermeter.api.routes import ROUTES, family_of, match
from infermeter.errors import InfermeterError, UnknownRoute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infermeter.api.exchange import Endpoint
    from infermeter.api.routes import Route
    from infermeter.tenants.authentication import Authenticator
    from infermeter.wire.http import HttpRequest, HttpResponse


class Application:
    """Routes requests to their endpoints; an error of the domain becomes its response."""

    def __init__(
        self,
        authenticator: Authenticator,
        *groups: Mapping[str, Endpoint],
        routes: Sequence[Route] = ROUTES,
    ) -> None:
        self._authenticator = authenticator
        self._endpoints = {name: endpoint for group in groups for name, endpoint in group.items()}
        if missing := {route.endpoint for route in routes} - set(self._endpoints):
            raise LookupError(f"routes: expected an endpoint for each, got none for {missing}")

    def handle(self, request: HttpRequest, *, deadline: float, cold: bool = False) -> Exchange:
        """The exchange for a request whose answer must be out by `deadline` (epoch seconds).

        Never raises an error of the domain. `cold` marks the first request of an environment.
        """
        exchange = Exchange(request, deadline, request_id=request.gateway_id)
        try:
            response = self._answer(exchange)
        except InfermeterError as error:
            exchange.error = error
            response = render_error(error, family_of(request.path))
        response.headers["x-request-id"] = exchange.request_id
        response.headers["infermeter-cold-start"] = "true" if cold else "false"
        exchange.response = response
        return exchange

    def _answer(self, exchange: Exchange) -> HttpResponse:
        request = exchange.request
        exchange.match = found = match(request.method, request.path)
        exchange.model = found.model
        if not found.route.public:
            started = time.perf_counter()
            exchange.principal = self._authenticator.by_secret(credential(request.headers))
            # OpenAI's paths name a version behind the model: `name:version`.
            exchange.principal.require(found.route.action, found.model.partition(":")[0])
            exchange.timings["auth"] = time.perf_counter() - started
        endpoint = self._endpoints.get(found.route.endpoint)
        if endpoint is None:
            raise UnknownRoute(request.path)
        return endpoint(exchange)
