"""API Gateway to the data plane: parse the event, call the core, shape the answer."""

from __future__ import annotations

import gc
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from infermeter.api.rendering import render_error, render_internal_error
from infermeter.api.routes import family_of
from infermeter.errors import MalformedEvent
from infermeter.telemetry import record_defect, record_exchange
from infermeter.wire.apigateway import decode_event, encode_answer
from infermeter.wiring.serving import Serving

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# API Gateway gives up on an integration after 29 s; what remains is for the way back.
GATEWAY_LIMIT_S = 29.0
WAY_BACK_S = 0.3

wiring = Serving.from_environment(os.environ)
application = wiring.application
_environment = {"cold": True}
# A full collection would walk what was imported, 30 ms of some request, and find nothing there.
gc.freeze()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """A proxy event in, a proxy answer out: always in the protocol's own shape."""
    started = time.perf_counter()
    cold, _environment["cold"] = _environment["cold"], False
    try:
        request = decode_event(event)
        deadline = _deadline(request.received_ms, context)
        exchange = application.handle(request, deadline=deadline, cold=cold)
    except MalformedEvent as error:
        return encode_answer(render_error(error))
    except Exception as error:  # noqa: BLE001  the gateway must not answer in another shape
        record_defect(error)
        path = event.get("path") or event.get("rawPath") or ""
        return encode_answer(render_internal_error(family_of(path)))
    # What was charged is answered, whatever becomes of its log line.
    with suppress(Exception):
        record_exchange(exchange, seconds=time.perf_counter() - started, cold=cold)
    if exchange.principal is not None:
        wiring.activity.note(exchange.principal.key_id)
    wiring.limiter.flush_due(deadline)
    wiring.statistics.flush_due(deadline)
    wiring.activity.flush_due(deadline)
    return encode_answer(exchange.response)


def _deadline(received_ms: int, context: LambdaContext) -> float:
    by_gateway = received_ms / 1000 + GATEWAY_LIMIT_S
    by_function = time.time() + context.get_remaining_time_in_millis() / 1000
    return min(by_gateway, by_function) - WAY_BACK_S
