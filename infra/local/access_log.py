"""A stage's access log: the line of a request, in the format that the template gives.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.local.gateway import Request, Response

_VARIABLE = re.compile(r"\$context\.([A-Za-z]+(?:\.[A-Za-z]+)*)")


@dataclass
class Passage:
    """What the gateway notes of a request on its way to the function and back.

    `status` is what Lambda answered the gateway, which is 200 for a function that failed; `error`
    is the type of an answer of the gateway's own.
    """

    function_request_id: str = ""
    status: int | None = None
    integration_error: str = ""
    integration_ms: float | None = None
    error: str = ""


def line(template: str, stage: str, request: Request, response: Response, took_ms: float) -> str:
    """The template with its variables filled in; "-" for one that has no value here."""
    passage = request.passage
    values: dict[str, object] = {
        "requestId": request.request_id,
        "extendedRequestId": request.extended_id,
        "requestTimeEpoch": int(request.received * 1000),
        "identity.sourceIp": request.client,
        "httpMethod": request.method,
        "path": f"/{stage}{request.path}",
        "status": response.status,
        "responseLatency": round(took_ms),
        "responseLength": len(response.body),
        "error.responseType": passage.error,
        "integration.requestId": passage.function_request_id,
        "integration.integrationStatus": passage.status,
        "integration.error": passage.integration_error,
        "integration.latency": (
            None if passage.integration_ms is None else round(passage.integration_ms)
        ),
    }

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1])
        # As in a string of JSON: a path may hold anything.
        return "-" if found in (None, "") else json.dumps(str(found))[1:-1]

    return _VARIABLE.sub(value, template)
