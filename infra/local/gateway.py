"""API Gateway's REST proxy integration: an HTTP request becomes an event, an answer a response.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
Pure functions; who routes and who invokes is the caller's business.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from infra.local.access_log import Passage

MAX_BODY_BYTES = 10 * 1024 * 1024  # API Gateway's limit of a request
MAX_EVENT_BYTES = 6 * 1024 * 1024  # Lambda's limit of an event
INTEGRATION_LIMIT_S = 29.0

# Sent by the function, these reach the client under another name.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
_REMAPPED = {
    "authorization",
    "connection",
    "content-length",
    "content-md5",
    "date",
    "expect",
    "host",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "te",
    "trailer",
    "upgrade",
    "user-agent",
    "via",
    "www-authenticate",
}
_DROPPED = {"transfer-encoding"}
_HOP_BY_HOP = {"connection", "expect", "keep-alive", "te", "transfer-encoding", "upgrade"}


class MalformedAnswer(Exception):
    """The function's answer is not one that API Gateway can turn into a response."""


@dataclass(frozen=True)
class Request:
    """A request as the client sent it; header names keep their case and order."""

    method: str
    path: str  # percent-encoded as it was sent, without the stage
    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""
    body: bytes = b""
    client: str = "127.0.0.1"
    request_id: str = field(default_factory=lambda: str(uuid4()))
    received: float = field(default_factory=time.time)
    passage: Passage = field(default_factory=Passage)

    @property
    def extended_id(self) -> str:
        """The value of `x-amz-apigw-id`: 15 characters and "="."""
        raw = hashlib.sha256(self.request_id.encode()).digest()
        return base64.urlsafe_b64encode(raw[:11]).decode()

    @property
    def trace_id(self) -> str:
        return f"Root=1-{int(self.received):08x}-{self.request_id.replace('-', '')[:24]}"


@dataclass(frozen=True)
class Place:
    """Where in the deployed API a request arrived."""

    api_id: str
    stage: str
    account: str
    region: str
    resource_id: str
    resource_path: str
    path_parameters: dict[str, str] | None
    stage_variables: dict[str, str] | None
    binary_media_types: tuple[str, ...]

    @property
    def host(self) -> str:
        return f"{self.api_id}.execute-api.{self.region}.amazonaws.com"


@dataclass(frozen=True)
class Response:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def proxy_event(request: Request, place: Place) -> dict[str, Any]:
    """The event of payload format 1.0, as a REST API sends it."""
    headers = _grouped(_received_headers(request, place))
    query = _grouped(parse_qsl(request.query, keep_blank_values=True))
    body, encoded = _event_body(request, place)
    return {
        "resource": place.resource_path,
        "path": request.path,
        "httpMethod": request.method,
        "headers": _last(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": _last(query) or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": place.path_parameters or None,
        "stageVariables": place.stage_variables or None,
        "requestContext": _context(request, place),
        "body": body,
        "isBase64Encoded": encoded,
    }


def response(answer: object, request: Request, place: Place) -> Response:
    """The function's answer as a response.

    Raises MalformedAnswer where API Gateway would answer 502.
    """
    if not isinstance(answer, dict):
        raise MalformedAnswer("not an object")
    headers = {"Content-Type": ["application/json"]}
    for source in (_single(answer.get("headers")), _multiple(answer.get("multiValueHeaders"))):
        for name, values in source.items():
            for known in [key for key in headers if key.lower() == name.lower()]:
                del headers[known]
            headers[name] = values
    pairs = [(_mapped(name), value) for name, values in headers.items() for value in values]
    return Response(
        _status(answer.get("statusCode")),
        tuple((name, value) for name, value in pairs if name.lower() not in _DROPPED),
        _response_body(answer, _header(request, "accept"), place),
    )


def is_binary(media_type: str | None, patterns: tuple[str, ...]) -> bool:
    """Whether a media type is one of the API's binary ones; a missing one is JSON."""
    first = (media_type or "application/json").split(",")[0].split(";")[0].strip().lower()
    return any(
        pattern in ("*/*", first) or (pattern.endswith("/*") and first.startswith(pattern[:-1]))
        for pattern in (item.strip().lower() for item in patterns)
    )


def _context(request: Request, place: Place) -> dict[str, Any]:
    received_ms = int(request.received * 1000)
    identity = dict.fromkeys(
        (
            "cognitoIdentityPoolId",
            "accountId",
            "cognitoIdentityId",
            "caller",
            "accessKey",
            "cognitoAuthenticationType",
            "cognitoAuthenticationProvider",
            "userArn",
            "user",
        )
    )
    return {
        "resourceId": place.resource_id,
        "resourcePath": place.resource_path,
        "httpMethod": request.method,
        "extendedRequestId": request.extended_id,
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(request.received)),
        "path": f"/{place.stage}{request.path}",
        "accountId": place.account,
        "protocol": "HTTP/1.1",
        "stage": place.stage,
        "domainPrefix": place.api_id,
        "requestTimeEpoch": received_ms,
        "requestId": request.request_id,
        "identity": {
            **identity,
            "sourceIp": request.client,
            "userAgent": _header(request, "user-agent"),
        },
        "domainName": place.host,
        "apiId": place.api_id,
    }


def _received_headers(request: Request, place: Place) -> list[tuple[str, str]]:
    """The client's headers without those of the connection, and what API Gateway adds."""
    own = {"host", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-amzn-trace-id"}
    kept = [pair for pair in request.headers if pair[0].lower() not in own | _HOP_BY_HOP]
    forwarded = [value for name, value in request.headers if name.lower() == "x-forwarded-for"]
    return [
        *kept,
        ("Host", place.host),
        ("X-Amzn-Trace-Id", request.trace_id),
        ("X-Forwarded-For", ", ".join([*forwarded, request.client])),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"),
    ]


def _event_body(request: Request, place: Place) -> tuple[str | None, bool]:
    if not request.body:
        return None, False
    if is_binary(_header(request, "content-type"), place.binary_media_types):
        return base64.b64encode(request.body).decode(), True
    return request.body.decode(errors="replace"), False


def _response_body(answer: dict[str, Any], accept: str | None, place: Place) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedAnswer("body is not a string")
    if not answer.get("isBase64Encoded") or not is_binary(accept, place.binary_media_types):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise MalformedAnswer("body is not base64") from error


def _status(value: object) -> int:
    try:
        status = int(str(value))
    except ValueError:
        raise MalformedAnswer("statusCode is not a number") from None
    if not 100 <= status <= 599:
        raise MalformedAnswer("statusCode is out of range")
    return status


def _single(headers: object) -> dict[str, list[str]]:
    if headers is None:
        return {}
    if not isinstance(headers, dict):
        raise MalformedAnswer("headers is not an object")
    return {str(name): [_text(value)] for name, value in headers.items()}


def _multiple(headers: object) -> dict[str, list[str]]:
    if headers is None:
        return {}
    if not isinstance(headers, dict) or not all(isinstance(v, list) for v in headers.values()):
        raise MalformedAnswer("multiValueHeaders is not an object of lists")
    return {str(name): [_text(value) for value in values] for name, values in headers.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise MalformedAnswer("a header's value is not a string")


def _mapped(name: str) -> str:
    return f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name


def _header(request: Request, name: str) -> str | None:
    values = [value for key, value in request.headers if key.lower() == name]
    return values[-1] if values else None


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Values by name; names that differ in case alone are one header, under the first's case."""
    names: dict[str, str] = {}
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(names.setdefault(name.lower(), name), []).append(value)
    return groups


def _last(groups: dict[str, list[str]]) -> dict[str, str]:
    return {name: values[-1] for name, values in groups.items()}
