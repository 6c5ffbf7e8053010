"""Errors as responses."""

from __future__ import annotations

import orjson
import pytest

from infermeter import errors
from infermeter.api.rendering import render_error, render_internal_error, status_of
from infermeter.limits.limiter import Quota


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.MalformedBody("m"), 400),
        (errors.MalformedEvent("m"), 400),
        (errors.InvalidTensor("x", expected="a", got="b"), 400),
        (errors.UnsupportedFeature("m"), 501),
        (errors.TooLarge("a", limit=1, got=2, unit="bytes", remedy="r"), 413),
        (errors.Unauthenticated("m"), 401),
        (errors.UnknownRoute("/"), 404),
        (errors.UnknownModel("m"), 404),
        (errors.UnknownVersion("m", "1", "2"), 404),
        (errors.MethodNotAllowed("GET", "/", ("POST",)), 405),
        (errors.RequestIdReused("i"), 422),
        (errors.RequestIdOutsideWindow("m"), 422),
        (errors.MalformedRequestId("m"), 422),
        (errors.RecordedVersionGone("m", "1"), 409),
        (errors.DeadlineExceeded(1.0), 504),
        (errors.LedgerUnavailable(), 503),
        (errors.StoreUnavailable("m"), 503),
        (errors.ModelUnavailable("m"), 503),
        (errors.ModelFailed("m"), 422),
        (errors.UnsupportedEncoding("br", ("gzip",)), 415),
        (errors.InvalidField("a", expected="b", got="c"), 400),
        (errors.ModelInUse("m", ("prod",)), 409),
        (errors.RateLimited("key", "1 requests/s", 1.0), 429),
        (errors.BudgetLeased("key", 5.0), 429),
        (errors.BudgetSpent("key", 5, "units", "2026-11"), 402),
        (errors.TenantSuspended("acme", "suspended"), 402),
        (errors.InfermeterError("m"), 500),
    ],
)
def test_an_error_has_its_status(error: errors.InfermeterError, status: int) -> None:
    assert status_of(error) == status
    response = render_error(error)
    assert response.status == status
    assert orjson.loads(response.body) == {"error": str(error)}
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (errors.LedgerUnavailable(), "retry-after", "1"),
        (errors.Unauthenticated("m"), "www-authenticate", "Bearer"),
        (errors.MethodNotAllowed("GET", "/", ("POST", "PUT")), "allow", "POST, PUT"),
    ],
)
def test_a_status_brings_its_header(error: errors.InfermeterError, header: str, value: str) -> None:
    assert render_error(error).headers[header] == value


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (errors.MalformedBody("m"), "false"),
        (errors.RecordedVersionGone("m", "1"), "false"),
        (errors.RequestIdReused("i"), "false"),
        (errors.RateLimited("key", "1 requests/s", 1.0), "true"),
        (errors.BudgetLeased("key", 5.0), "true"),
        (errors.BudgetSpent("key", 5, "units", "2026-11"), "false"),
        (errors.LedgerUnavailable(), "true"),
        (errors.DeadlineExceeded(1.0), "true"),
    ],
)
def test_a_client_that_retries_by_itself_is_told(error: errors.InfermeterError, again: str) -> None:
    assert render_error(error).headers["x-should-retry"] == again


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            errors.InvalidField("input[3]", expected="a", got="b"),
            ("invalid_request_error", "input[3]", None),
        ),
        (errors.UnknownModel("m"), ("invalid_request_error", "model", "model_not_found")),
        (errors.Unauthenticated("m"), ("invalid_request_error", None, "invalid_api_key")),
        (errors.StoreUnavailable("m"), ("server_error", None, None)),
        (
            errors.RateLimited("key", "1 requests/s", 1.0),
            ("rate_limit_error", None, "rate_limit_exceeded"),
        ),
        (errors.BudgetLeased("key", 5.0), ("rate_limit_error", None, "rate_limit_exceeded")),
        (
            errors.BudgetSpent("key", 5, "units", "2026-11"),
            ("insufficient_quota", None, "insufficient_quota"),
        ),
        (
            errors.TenantSuspended("acme", "suspended"),
            ("insufficient_quota", None, "billing_not_active"),
        ),
    ],
)
def test_openai_has_a_shape_of_its_own(
    error: errors.InfermeterError, expected: tuple[str | None, ...]
) -> None:
    (body,) = orjson.loads(render_error(error, "openai").body).values()
    assert body["message"] == str(error)
    assert (body["type"], body["param"], body["code"]) == expected


QUOTAS = (Quota("requests", 20, 0, 2, 1.2),)


def test_a_limit_says_when_and_what_remains() -> None:
    error = errors.RateLimited("key", "10 requests/s, 20 at once", 0.1203)
    error.quotas = QUOTAS
    headers = render_error(error).headers
    assert (headers["retry-after"], headers["retry-after-ms"]) == ("1", "121")
    assert headers["RateLimit"] == '"requests";r=0;t=2'


def test_what_was_paid_for_and_used_up_says_what_remains_and_not_when() -> None:
    error = errors.BudgetSpent("key", 5, "units", "2026-11")
    error.quotas = QUOTAS
    headers = render_error(error).headers
    assert "retry-after" not in headers
    assert headers["RateLimit-Policy"] == '"requests";q=20;w=2'


def test_what_cannot_succeed_later_says_nothing_of_later() -> None:
    assert "retry-after" not in render_error(errors.MalformedBody("m")).headers


def test_an_internal_error_has_the_same_shape() -> None:
    response = render_internal_error()
    assert response.status == 500
    assert list(orjson.loads(response.body)) == ["error"]
    assert response.headers["content-type"] == "application/json"
    openai = orjson.loads(render_internal_error("openai").body)
    assert openai["error"]["type"] == "server_error"
