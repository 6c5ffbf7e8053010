"""API Gateway: real proxy events, and errors as AWS words them."""
# ruff: noqa: SLF001 - private names are this package's subject

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlencode

from ministack.services import apigateway_v1

from infra.local import access_log, gateway
from infra.local.ministack.logs import write_log
from infra.local.output import Line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.local.front import Route

_log = logging.getLogger("infermeter.local")
_request: contextvars.ContextVar[gateway.Request] = contextvars.ContextVar("request")


async def execute_api(route: Route, request: gateway.Request) -> gateway.Response:
    """Send a request through the deployed stage, in this process."""
    _request.set(request)
    headers = {name.lower(): value for name, value in request.headers}
    status, answered, body = await apigateway_v1.handle_execute(
        route.api_id,
        route.stage,
        request.method,
        unquote(request.path),
        headers,
        request.body,
        parse_qs(request.query, keep_blank_values=True),
    )
    pairs = [
        (str(name), str(item))
        for name, value in answered.items()
        for item in (value if isinstance(value, list | tuple) else [value])
    ]
    return gateway.Response(status, tuple(pairs), body)


def write_access_log(
    route: Route, request: gateway.Request, response: gateway.Response, took_ms: float
) -> None:
    """Add the answer's line to the log group that the deployed stage names, if it names one."""
    stage = apigateway_v1._stages_v1.get(route.api_id, {}).get(route.stage, {})
    settings = stage.get("accessLogSettings") or {}
    if not settings:
        return
    group = settings["destinationArn"].split(":log-group:")[1].removesuffix(":*")
    text = access_log.line(settings["format"], route.stage, request, response, took_ms)
    write_log(group, "access", [Line(time.time_ns() // 1_000_000, text)])


class EncodedEvent(dict[str, Any]):
    """An event that is encoded already."""

    payload: bytes


class _BadGateway(apigateway_v1._GatewayError):  # type: ignore[misc]
    """A function that failed: 502 and not one word of what went wrong."""

    def __init__(self, message: str = "Internal server error") -> None:
        super().__init__("DEFAULT_5XX", message, "InternalServerErrorException")


def send_proxy_events() -> None:
    """Build events, read answers and word errors as `gateway` does."""
    render = apigateway_v1._gateway_error_response

    def render_error(error: Any, request: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
        if (sent := _request.get(None)) is not None:
            sent.passage.error = error.response_type
        status, headers, body = render(error, request)
        return (502 if isinstance(error, _BadGateway) and status == 500 else status), headers, body

    apigateway_v1._gateway_error_response = render_error
    apigateway_v1._invoke_lambda_proxy_v1 = _invoke_proxy


async def _invoke_proxy(
    integration: Mapping[str, Any],
    api_id: str,
    stage_name: str,
    stage: Mapping[str, Any],
    resource: Mapping[str, Any],
    request_path: str,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
    query_params: Mapping[str, list[str]],
    path_params: dict[str, str],
    *,
    owner_account_id: str,
    owner_region: str,
    binary_media_types: Sequence[str],
    authorizer_context: Mapping[str, Any] | None = None,
    caller_identity: Mapping[str, Any] | None = None,
) -> Any:
    place = gateway.Place(
        api_id=api_id,
        stage=stage_name,
        account=owner_account_id,
        region=owner_region,
        resource_id=resource["id"],
        resource_path=resource["path"],
        path_parameters=path_params,
        stage_variables=stage.get("variables"),
        binary_media_types=tuple(binary_media_types),
    )
    # Without the front, a request of MiniStack's own endpoint: header names have lost their case.
    query = urlencode(query_params, doseq=True)
    plain = gateway.Request(method, request_path, tuple(headers.items()), query, body)
    request = _request.get(plain)
    event = EncodedEvent(gateway.proxy_event(request, place))
    event["requestContext"]["identity"].update(caller_identity or {})
    if authorizer_context is not None:
        event["requestContext"]["authorizer"] = authorizer_context
    event.payload = json.dumps(event).encode()
    if len(event.payload) > gateway.MAX_EVENT_BYTES:
        return apigateway_v1._GatewayError(
            "REQUEST_TOO_LARGE", "Request Too Long", "RequestEntityTooLargeException"
        )
    passage, begin = request.passage, time.perf_counter()
    reference = apigateway_v1._extract_lambda_ref_from_integration_uri(integration["uri"])
    try:
        result, missing = await asyncio.wait_for(
            apigateway_v1._call_lambda_raw(
                reference, event, account_id=owner_account_id, region=owner_region
            ),
            gateway.INTEGRATION_LIMIT_S,
        )
    except TimeoutError:
        passage.integration_error = "Endpoint request timed out"
        return apigateway_v1._GatewayError("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    passage.integration_ms = (time.perf_counter() - begin) * 1000
    if missing or result.get("throttle"):
        return apigateway_v1._GatewayError("API_CONFIGURATION_ERROR", "Internal server error")
    passage.status, passage.function_request_id = 200, result.get("request_id", "")
    if result.get("error"):
        passage.integration_error = "The function failed"
        return _BadGateway()
    try:
        answer = gateway.response(result.get("body"), request, place)
    except gateway.MalformedAnswer as error:
        _log.warning("%s: malformed proxy response: %s", reference, error)
        passage.integration_error = f"Malformed proxy response: {error}"
        return _BadGateway()
    grouped: dict[str, list[str]] = {}
    for name, value in answer.headers:
        grouped.setdefault(name, []).append(value)
    return answer.status, grouped, answer.body
