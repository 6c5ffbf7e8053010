"""API Gateway to the usage API: a role of its own, which reads the ledger and writes nothing."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from infermeter.api.rendering import render_error, render_internal_error
from infermeter.errors import MalformedEvent
from infermeter.telemetry import record_defect, record_exchange
from infermeter.wire.apigateway import decode_event, encode_answer
from infermeter.wiring.metering import Metering

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

FAMILY = "openai"  # all paths here are below /v1

wiring = Metering.from_environment(os.environ)
application = wiring.usage_application
_environment = {"cold": True}


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """A proxy event in, a proxy answer out: always in the protocol's own shape."""
    started = time.perf_counter()
    cold, _environment["cold"] = _environment["cold"], False
    deadline = time.time() + context.get_remaining_time_in_millis() / 1000
    try:
        exchange = application.handle(decode_event(event), deadline=deadline, cold=cold)
    except MalformedEvent as error:
        return encode_answer(render_error(error, FAMILY))
    except Exception as error:  # noqa: BLE001  the gateway must not answer in another shape
        record_defect(error)
        return encode_answer(render_internal_error(FAMILY))
    with suppress(Exception):
        record_exchange(exchange, seconds=time.perf_counter() - started, cold=cold)
    return encode_answer(exchange.response)
