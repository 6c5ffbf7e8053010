"""Domain errors as HTTP responses, in the error shape of the protocol that was spoken."""

from __future__ import annotations

from typing import Any

import orjson

from infermeter import errors
from infermeter.api.quota import quota_headers, retry_headers
from infermeter.wire.http import HttpResponse

# The nearest ancestor in the tree decides.
STATUSES: dict[type[errors.InfermeterError], int] = {
    errors.InvalidRequest: 400,
    errors.ForeignObject: 403,
    errors.UnsupportedEncoding: 415,
    errors.UnsupportedFeature: 501,
    errors.ModelFailed: 422,
    errors.TooLarge: 413,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.PaymentRequired: 402,
    errors.LimitReached: 429,
    errors.AdministrationRefused: 409,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.ModelInUse: 409,
    errors.RequestIdRefused: 422,
    errors.RecordedVersionGone: 409,
    errors.DeadlineExceeded: 504,
    errors.Unavailable: 503,
    errors.PublicationRefused: 422,
}
# OpenAI's `code`, where it has one.
_CODES: dict[type[errors.InfermeterError], str] = {
    errors.BudgetSpent: "insufficient_quota",
    errors.LimitReached: "rate_limit_exceeded",
    errors.TenantSuspended: "billing_not_active",
    errors.Unauthenticated: "invalid_api_key",
    errors.UnknownModel: "model_not_found",
    errors.UnknownVersion: "model_not_found",
}
_TYPES = {402: "insufficient_quota", 429: "rate_limit_error"}
JSON = "application/json"  # exactly: kserve's client compares the whole of it
_INTERNAL = "internal error; nothing was billed unless a retry says 'replay'"


def status_of(error: errors.InfermeterError) -> int:
    """The status of an error's class, or of its nearest ancestor that has one."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def render_error(error: errors.InfermeterError, family: str = "oip") -> HttpResponse:
    """The error in its protocol's shape, with the headers that the status calls for.

    `oip`: `{"error": "<message>"}`; `openai`: `{"error": {"message","type","param","code"}}`.
    """
    status = status_of(error)
    headers = {"content-type": JSON, "x-should-retry": "true" if error.retryable else "false"}
    if isinstance(error, errors.Unavailable):
        headers["retry-after"] = str(error.retry_after_s)
    elif isinstance(error, errors.Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    elif isinstance(error, errors.MethodNotAllowed):
        headers["allow"] = ", ".join(error.allowed)
    elif isinstance(error, errors.UnsupportedEncoding):
        headers["accept-encoding"] = ", ".join(error.readable)
    elif isinstance(error, errors.LimitReached):
        headers |= retry_headers(error.retry_after_s) | quota_headers(error.quotas)
    elif isinstance(error, errors.PaymentRequired):
        headers |= quota_headers(error.quotas)
    if family == "openai":
        param = _param(error)
        code = next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), None)
        body = _openai_error(str(error), status, param, code)
    else:
        body = {"error": str(error)}
    return HttpResponse(status, orjson.dumps(body), headers)


def render_json(document: object, status: int = 200) -> HttpResponse:
    """A success with a JSON body."""
    return HttpResponse(status, orjson.dumps(document), {"content-type": JSON})


def render_internal_error(family: str = "oip") -> HttpResponse:
    """A 500 for what no error of the domain foresaw; the trace is for the log alone."""
    body = _openai_error(_INTERNAL, 500) if family == "openai" else {"error": _INTERNAL}
    headers = {"content-type": JSON, "x-should-retry": "true"}
    return HttpResponse(500, orjson.dumps(body), headers)


def _param(error: errors.InfermeterError) -> str | None:
    if isinstance(error, errors.InvalidField):
        return error.field
    return "model" if isinstance(error, errors.UnknownModel | errors.UnknownVersion) else None


def _openai_error(
    message: str, status: int, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    kind = "server_error" if status >= 500 else _TYPES.get(status, "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
