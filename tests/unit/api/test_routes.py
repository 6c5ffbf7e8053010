"""Which route a request takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.api.routes import DATA_PLANE, ROUTES, USAGE_PLANE, match
from infermeter.errors import MethodNotAllowed, NotFound, UnknownRoute
from infermeter.tenants.scopes import Action


@pytest.mark.parametrize(
    ("method", "path", "endpoint", "model", "version"),
    [
        ("GET", "/v2", "server_metadata", "", None),
        ("GET", "/v2/", "server_metadata", "", None),
        ("GET", "/v2/health/live", "server_live", "", None),
        ("GET", "/v2/health/ready", "server_ready", "", None),
        ("GET", "/v2/models", "list_models", "", None),
        ("GET", "/v2/models/m", "model_metadata", "m", None),
        ("GET", "/v2/models/m/versions/2", "model_metadata", "m", "2"),
        ("GET", "/v2/models/m/ready", "model_ready", "m", None),
        ("GET", "/v2/models/m/versions/prod/ready", "model_ready", "m", "prod"),
        ("POST", "/v2/models/m/infer", "infer", "m", None),
        ("POST", "/v2/models/m/versions/prod/infer", "infer", "m", "prod"),
    ],
)
def test_a_path_and_method_name_an_endpoint(
    method: str, path: str, endpoint: str, model: str, version: str | None
) -> None:
    found = match(method, path)
    assert (found.route.endpoint, found.model, found.version) == (endpoint, model, version)


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v2/models/", "/v2/models/a/b/infer", "/v2x"])
def test_another_path_is_unknown(path: str) -> None:
    with pytest.raises(UnknownRoute):
        match("GET", path)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v2", ("GET",)),
        ("GET", "/v2/models/m/infer", ("POST",)),
        ("DELETE", "/v2/models/m", ("GET",)),
        ("OPTIONS", "/v2/models/m/infer", ("POST",)),
    ],
)
def test_another_method_is_not_allowed(method: str, path: str, allowed: tuple) -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        match(method, path)
    assert caught.value.allowed == allowed


def test_only_what_says_nothing_of_tenants_or_models_is_public() -> None:
    public = {route.endpoint for route in ROUTES if route.public}
    assert public == {
        *("server_metadata", "server_live", "server_ready"),
        *("openapi", "docs", "docs_asset"),
    }


@pytest.mark.parametrize("text", ["a", "a/b", "a//b", "/", "a/", "infer", "limits"])
def test_the_last_name_of_a_route_may_take_the_rest_of_the_path(text: str) -> None:
    found = match("GET", f"/v1/usage/requests/{text}")
    assert (found.route.endpoint, found.names["request_id"]) == ("usage_request", text)


def test_a_rest_that_is_empty_is_none() -> None:
    for path in ("/v1/usage/requests", "/v1/usage/requests/"):
        with pytest.raises(UnknownRoute):
            match("GET", path)


def test_usage_is_answered_by_a_function_of_its_own() -> None:
    assert {*USAGE_PLANE, *DATA_PLANE} == {*ROUTES}
    assert {route.endpoint for route in USAGE_PLANE} == {
        *("usage", "usage_limits", "usage_request", "statement"),
    }
    assert all(route.action is Action.USAGE for route in USAGE_PLANE)


@given(st.text(), st.text() | st.text().map(lambda text: f"/v2/models/{text}"))
def test_any_path_is_a_route_or_an_error_of_the_domain(method: str, path: str) -> None:
    with pytest.raises((NotFound, MethodNotAllowed)):
        match(method, path)
