"""Requests made from the OpenAPI document, right ones and wrong ones, sent to the handler.

A bounded run, the same each time. Whether a right request is accepted is not asked: that a tensor's
shape and its data agree is beyond JSON Schema. Nor whether a wrong one is refused: fields that
nobody knows are let through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from moto import mock_aws
from schemathesis import Case, CheckContext, GenerationMode, Response
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks

from infermeter.adapters.artifacts import FolderArtifact
from infermeter.api.routes import ROUTES
from tests.cloud import make_cloud
from tests.functions.site import Site
from tests.fuzz.gateway import application
from tests.models import write_encoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import SearchStrategy
    from schemathesis.schemas import BaseSchema

# Of the document's paths, these are those of models.
MODELS = [f"/v2/models/{name}/infer" for name in ("linear", "identity-INT8", "identity-BYTES")]
OPERATIONS = [
    *((route.method, route.path) for route in ROUTES),
    *(("POST", path) for path in MODELS),
]
# Where there is nothing to fill in, nothing can be wrong.
QUERIED = [("GET", "/v1/usage")]
FILLED = [
    *((method, path) for method, path in OPERATIONS if method == "POST" or "{" in path),
    *QUERIED,
]
# The same for what is there, by its name: only a body can still be wrong.
KNOWN = {"model": "linear", "version": "1", "asset": "swagger-ui.css"}
THERE = [
    (method, path, mode)
    for method, path in FILLED
    for mode in GenerationMode
    if "{" in path and (method == "POST" or mode is GenerationMode.POSITIVE)
]


def not_broken(_: CheckContext, response: Response, __: Case) -> None:
    """All of AWS is there: only what this server has not may be answered by a 5xx."""
    assert response.status_code < 500 or response.status_code == 501, response.text


CHECKS: list[Any] = [
    not_broken,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
# Keys of its own making would be refused, and hide what lies behind.
CONFIG = {"generation": {"with-security-parameters": False}}
BOUNDED = settings(
    max_examples=15,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One environment for all requests: what one of them breaks, the next ones show."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        site = Site(make_cloud(patch), tmp_path_factory.mktemp("models"))
        for datatype in ("INT8", "BYTES"):
            site.publish_identity(datatype)
        publisher = site.cloud.wiring.publisher
        encoder = publisher.publish(FolderArtifact(write_encoder(site.folder / "encoder")))
        publisher.promote(encoder.model, encoder.version, "prod")
        yield site


@pytest.fixture(scope="module")
def schema(site: Site) -> BaseSchema:
    """The document as a tenant gets it."""
    load_all_checks()
    return schemathesis.openapi.from_wsgi(
        "/openapi.json",
        application(site),
        config=SchemathesisConfig.from_dict(CONFIG),
        headers={"x-api-key": site.key.text()},
    )


def send(site: Site, cases: SearchStrategy[Case]) -> None:
    """Sends each case with the key; its answer must be one that the document describes."""

    @BOUNDED
    @given(cases)
    def run(case: Case) -> None:
        call(case, site)

    run()


def call(case: Case, site: Site) -> Response:
    """The answer to a case, once it is one that the document describes."""
    headers = {"x-api-key": site.key.text()}
    return case.call_and_validate(base_url="http://localhost", headers=headers, checks=CHECKS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_right_request_breaks_the_server(
    site: Site, schema: BaseSchema, method: str, path: str
) -> None:
    send(site, schema[path][method].as_strategy(GenerationMode.POSITIVE))


@pytest.mark.parametrize(("method", "path"), FILLED)
def test_no_wrong_request_breaks_the_server(
    site: Site, schema: BaseSchema, method: str, path: str
) -> None:
    send(site, schema[path][method].as_strategy(GenerationMode.NEGATIVE))


@pytest.mark.parametrize(("method", "path", "mode"), THERE)
def test_no_request_for_what_is_there_breaks_the_server(
    site: Site, schema: BaseSchema, method: str, path: str, mode: GenerationMode
) -> None:
    known = {name: value for name, value in KNOWN.items() if f"{{{name}}}" in path}
    send(site, schema[path][method].as_strategy(mode, path_parameters=known))


@pytest.mark.parametrize("path", MODELS)
def test_data_in_the_shape_that_the_document_tells_are_served(
    site: Site, schema: BaseSchema, path: str
) -> None:
    @BOUNDED
    @given(schema[path]["POST"].as_strategy(GenerationMode.POSITIVE))
    def run(case: Case) -> None:
        assume(case.media_type == "application/json")
        (tensor,) = case.body["inputs"]
        assume("data" in tensor)
        case.headers.clear()
        case.body = {"inputs": [fitting(tensor)]}
        answer = call(case, site)
        assert answer.status_code == 200, answer.text

    run()


def fitting(tensor: dict[str, Any]) -> dict[str, Any]:
    """As many whole rows as the data have, flat or nested."""
    data, (_, width) = tensor["data"], tensor["shape"]
    if not any(isinstance(each, list) for each in data):
        data = data[: len(data) // width * width]
    if tensor["datatype"] == "INT8":
        data = whole(data)
    rows = len(data) if data and isinstance(data[0], list) else len(data) // width
    return {name: tensor[name] for name in ("name", "datatype")} | {
        "shape": [rows, width],
        "data": data,
    }


def whole(data: Any) -> Any:
    """To JSON Schema 1.0 is an integer; the server takes an integer's digits alone."""
    return [whole(each) for each in data] if isinstance(data, list) else int(data)
