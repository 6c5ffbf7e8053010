"""API Gateway proxy events to requests, responses to proxy answers.

Payload 1.0 is a REST API's; 2.0 an HTTP API's or a function URL's.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

import pybase64

from infermeter.errors import MalformedEvent
from infermeter.wire.http import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infermeter.wire.http import HttpResponse


def decode_event(event: Mapping[str, Any]) -> HttpRequest:
    """The request in a proxy event; MalformedEvent for another kind of event."""
    try:
        return _decode_v2(event) if event.get("version") == "2.0" else _decode_v1(event)
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise MalformedEvent(
            f"event: expected an API Gateway proxy event, got another: "
            f"{type(error).__name__}: {error}"
        ) from None


def encode_answer(response: HttpResponse) -> dict[str, Any]:
    """The proxy integration's answer, which both payloads share."""
    binary = response.binary
    return {
        "statusCode": response.status,
        "headers": response.headers,
        "body": pybase64.b64encode_as_string(response.body) if binary else response.body.decode(),
        "isBase64Encoded": binary,
    }


def _decode_v1(event: Mapping[str, Any]) -> HttpRequest:
    context = event["requestContext"]
    # Both hold every header; the latter all its values.
    headers = (event.get("headers") or {}) | (event.get("multiValueHeaders") or {})
    path = event["path"]
    return HttpRequest(
        method=event["httpMethod"],
        path=unquote(path) if "%" in path else path,
        headers={
            name.lower(): value if isinstance(value, str) else ", ".join(value)
            for name, value in headers.items()
        },
        body=_body(event),
        # A caller can choose its `requestId`, with the header x-amzn-RequestId; this one it cannot.
        gateway_id=context.get("extendedRequestId") or context["requestId"],
        received_ms=int(context["requestTimeEpoch"]),
        query=_query(event),
    )


def _decode_v2(event: Mapping[str, Any]) -> HttpRequest:
    context = event["requestContext"]
    # A stage that has a name is part of the path here.
    path = event["rawPath"].removeprefix(f"/{context['stage']}") or "/"
    return HttpRequest(
        method=context["http"]["method"],
        path=unquote(path),
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=_body(event),
        gateway_id=context["requestId"],
        received_ms=int(context["timeEpoch"]),
        query=parse_qs(event.get("rawQueryString") or "", keep_blank_values=True),
    )


def _query(event: Mapping[str, Any]) -> Mapping[str, list[str]]:
    """Decoded already; one of the two fields holds only the last of several values."""
    several = event.get("multiValueQueryStringParameters")
    if several is not None:
        return {name: list(values) for name, values in several.items()}
    return {name: [value] for name, value in (event.get("queryStringParameters") or {}).items()}


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        return pybase64.b64decode(body, validate=True)
    return str(body).encode()
