"""Under which id a request is charged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infermeter.metering.ids import Channel, derive_id, parse_id

if TYPE_CHECKING:
    from infermeter.metering.ids import RequestId
    from infermeter.wire.http import HttpRequest


def identify(request: HttpRequest, now_s: float) -> RequestId:
    """The `Idempotency-Key`, or an id made from the gateway's own.

    Raises MalformedRequestId or RequestIdOutsideWindow.
    """
    given = request.headers.get("idempotency-key")
    if given is None:
        return derive_id(request.received_ms, request.gateway_id)
    return parse_id(given, now_s=now_s, channel=Channel.HTTP)
