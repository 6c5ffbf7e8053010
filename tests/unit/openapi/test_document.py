"""The document as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from schemathesis.specs.openapi.definitions import OPENAPI_31

from infermeter.api.routes import ROUTES, Route
from infermeter.openapi.document import document
from tests.models import linear_manifest
from tests.unit.openapi.documents import manifests, references, written

if TYPE_CHECKING:
    from infermeter.manifest import Manifest

FOUND = written(linear_manifest())
OPERATIONS = [(path, method) for path, item in FOUND["paths"].items() for method in item]


@given(manifests())
@settings(max_examples=25, deadline=None)
def test_any_model_makes_a_valid_document(manifest: Manifest) -> None:
    standard = jsonschema_rs.Draft202012Validator(OPENAPI_31)
    assert [str(error) for error in standard.iter_errors(written(manifest))] == []


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_each_route_is_described(route: Route) -> None:
    found = written()["paths"][route.path][route.method.lower()]
    assert found["summary"]
    needed = {"bearer": []} in found["security"] and {} not in found["security"]
    assert needed == (not route.public)
    assert [each["name"] for each in found["parameters"] if each.get("in") == "path"] == [
        segment[1:-1] for segment in route.path.split("/") if segment.startswith("{")
    ]


def test_nothing_else_is_described_without_a_model() -> None:
    described = {(path, method) for path, item in written()["paths"].items() for method in item}
    assert described == {(route.path, route.method.lower()) for route in ROUTES}


def test_a_route_that_nobody_described_is_told_of() -> None:
    with pytest.raises(LookupError, match="expected a description of teapot"):
        document([*ROUTES, Route("teapot", "GET", "/v2/teapot")])


def test_every_reference_leads_somewhere() -> None:
    for each in references(FOUND):
        place: Any = FOUND
        for name in each.removeprefix("#/").split("/"):
            place = place[name]
        assert place


def test_every_component_is_used() -> None:
    used = set(references(FOUND))
    for kind in ("schemas", "parameters", "headers", "responses"):
        for name in FOUND["components"][kind]:
            assert f"#/components/{kind}/{name}" in used


def test_operation_ids_are_unique() -> None:
    ids = [FOUND["paths"][path][method]["operationId"] for path, method in OPERATIONS]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_errors_are_in_the_shape_of_the_path(path: str, method: str) -> None:
    for status, answer in FOUND["paths"][path][method]["responses"].items():
        if status[0] in "45" and status != "429":
            family = "openai" if path.startswith("/v1/") else "oip"
            assert answer == {"$ref": f"#/components/responses/{family}-{status}"}


CHARGED = (
    "/v2/models/{model}/infer",
    "/v2/models/{model}/versions/{version}/infer",
    "/v1/embeddings",
)


@pytest.mark.parametrize("path", CHARGED)
def test_what_is_charged_tells_of_limits_and_how_it_is_refused(path: str) -> None:
    responses = FOUND["paths"][path]["post"]["responses"]
    components = FOUND["components"]["responses"]
    refused = {
        status: components[responses[status]["$ref"].rpartition("/")[2]]
        for status in ("402", "403", "429")
    }
    quota = {"RateLimit-Policy", "RateLimit", "x-ratelimit-remaining-requests"}
    assert quota <= set(responses["200"]["headers"])
    assert quota <= set(refused["402"]["headers"])
    assert quota | {"retry-after", "retry-after-ms"} <= set(refused["429"]["headers"])
    assert "retry-after" not in refused["402"]["headers"]
    assert all("x-should-retry" in each["headers"] for each in refused.values())


def test_paths_are_relative_to_the_document() -> None:
    assert FOUND["servers"] == [{"url": "."}]
