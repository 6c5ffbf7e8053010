"""DynamoDB: refusals and lost answers, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack import app
from ministack.core.responses import error_response_json

from infra.local.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.faults import Faults

_REASON = "The level of configured throughput for the table was exceeded."


def inject(faults: Faults) -> None:
    """Let calls of DynamoDB fail as `faults` says."""
    serve = app.SERVICE_HANDLERS["dynamodb"]

    async def serve_or_fail(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query_params: Any
    ) -> Any:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        fault = faults.of(operation, body)
        if fault is Fault.THROTTLED:
            return error_response_json("ThrottlingException", _REASON, 400)
        answer = await serve(method, path, headers, body, query_params)
        if fault is Fault.UNACKNOWLEDGED:
            return error_response_json("InternalServerError", "The answer was lost.", 500)
        return answer

    app.SERVICE_HANDLERS["dynamodb"] = serve_or_fail
