"""Domain errors as HTTP statuses, in the Open Inference Protocol's error shape."""

from __future__ import annotations

import orjson

from infermeter import errors
from infermeter.wire.http import HttpResponse

# The nearest ancestor in the tree decides.
STATUSES: dict[type[errors.InfermeterError], int] = {
    errors.InvalidRequest: 400,
    errors.UnsupportedFeature: 501,
    errors.TooLarge: 413,
    errors.Unauthenticated: 401,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.RequestIdRefused: 422,
    errors.RecordedVersionGone: 409,
    errors.DeadlineExceeded: 504,
    errors.Unavailable: 503,
    errors.ModelFailed: 500,
    errors.PublicationRefused: 422,
}
JSON = "application/json"


def status_of(error: errors.InfermeterError) -> int:
    """The status of an error's class, or of its nearest ancestor that has one."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def render_error(error: errors.InfermeterError) -> HttpResponse:
    """`{"error": "<message>"}` with the headers that the status calls for."""
    headers = {"content-type": JSON}
    if isinstance(error, errors.Unavailable):
        headers["retry-after"] = str(error.retry_after_s)
    if isinstance(error, errors.Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, errors.MethodNotAllowed):
        headers["allow"] = ", ".join(error.allowed)
    return HttpResponse(status_of(error), orjson.dumps({"error": str(error)}), headers)


def render_json(document: object) -> HttpResponse:
    """A 200 with a JSON body."""
    return HttpResponse(200, orjson.dumps(document), {"content-type": JSON})


def render_internal_error() -> HttpResponse:
    """A 500 for what no error of the domain foresaw; the trace is for the log alone."""
    body = orjson.dumps(
        {"error": "internal error; nothing was billed unless a retry says 'replay'"}
    )
    return HttpResponse(500, body, {"content-type": JSON})
