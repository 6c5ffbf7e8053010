"""API Gateway REST proxy events (payload format 1.0) to requests, responses to proxy answers."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from infermeter.errors import MalformedEvent
from infermeter.wire.http import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infermeter.wire.http import HttpResponse


def decode_event(event: Mapping[str, Any]) -> HttpRequest:
    """The request in a proxy event; MalformedEvent for another kind of event."""
    try:
        context = event["requestContext"]
        return HttpRequest(
            method=event["httpMethod"],
            path=unquote(event["path"]),
            headers=_headers(event),
            body=_body(event),
            gateway_id=context["requestId"],
            received_ms=int(context["requestTimeEpoch"]),
            query=event.get("queryStringParameters") or {},
        )
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise MalformedEvent(
            f"event: expected an API Gateway REST proxy event, got one without {error}"
        ) from None


def encode_answer(response: HttpResponse) -> dict[str, Any]:
    """The proxy integration's answer."""
    body = base64.b64encode(response.body).decode() if response.binary else response.body.decode()
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": body,
        "isBase64Encoded": response.binary,
    }


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    single = event.get("headers") or {}
    multiple = event.get("multiValueHeaders") or {}
    joined = {name.lower(): ", ".join(values) for name, values in multiple.items()}
    return {**{name.lower(): value for name, value in single.items()}, **joined}


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        return base64.b64decode(body, validate=True)
    return str(body).encode()
