"""`/openapi.json` and `/docs` as the function answers them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from typing import TYPE_CHECKING, Any

import pytest

from infermeter.adapters.artifacts import FolderArtifact
from infermeter.api.endpoints.documentation import ASSETS_PACKAGE, DocumentationEndpoints
from infermeter.api.exchange import Exchange
from infermeter.api.routes import ROUTES, match
from infermeter.errors import NotFound
from infermeter.openapi.page import ASSETS
from infermeter.tenants.keys import new_key
from infermeter.tensors import DATATYPES
from infermeter.wire.http import HttpRequest
from tests.cloud import proxy_event
from tests.models import (
    linear,
    linear_manifest,
    text_encoder,
    write_artifact,
    write_encoder,
)
from tests.unit.openapi.documents import named

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functions.site import Answer, Site

LINEAR = "/v2/models/linear/infer"
SCRIPT = b"window.SwaggerUIBundle = () => {};"


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The documentation layer on the path, with small assets."""
    package = tmp_path / "layer" / ASSETS_PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "swagger-ui-bundle.js.gz").write_bytes(gzip.compress(SCRIPT))
    (package / "swagger-ui.css.gz").write_bytes(gzip.compress(b"body {}"))
    (package / "favicon-32x32.png").write_bytes(b"\x89PNG")
    monkeypatch.syspath_prepend(package.parent)


def get(site: Site, path: str, **headers: str) -> Answer:
    """Without a key, unless the headers have one."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return site.send(proxy_event("GET", path, headers=names))


def publish(site: Site, folder: Path) -> None:
    publisher = site.cloud.wiring.publisher
    version = publisher.publish(FolderArtifact(folder))
    publisher.promote(version.model, version.version, "prod")


def infer_paths(answer: Answer) -> list[str]:
    assert answer.status == 200
    return [path for path in answer.json["paths"] if path.endswith("/infer") and "{" not in path]


def test_without_a_key_the_routes_alone_are_shown(site: Site) -> None:
    answer = get(site, "/openapi.json")
    assert set(answer.json["paths"]) == {route.path for route in ROUTES}
    assert b"linear" not in answer.body


@pytest.mark.parametrize("form", ["x-api-key", "authorization"])
def test_with_a_key_models_have_their_own_paths(site: Site, form: str) -> None:
    key = site.key.text()
    answer = get(site, "/openapi.json", **{form: key if form == "x-api-key" else f"Bearer {key}"})
    assert infer_paths(answer) == [LINEAR]
    shape = answer.json["components"]["schemas"]["linear.Request"]
    assert shape["properties"]["inputs"]["items"]["properties"]["name"] == {"const": "x"}


@pytest.mark.parametrize(
    "key", ["", "nonsense", new_key().text()], ids=["none", "no key", "another"]
)
def test_with_a_wrong_key_nothing_is_shown(site: Site, key: str) -> None:
    answer = get(site, "/openapi.json", x_api_key=key)
    assert answer.status == 401
    assert answer.error


def test_a_model_that_no_alias_promotes_has_no_path(site: Site) -> None:
    folder = write_artifact(site.folder / "new", linear(), linear_manifest("new"))
    site.cloud.wiring.publisher.publish(FolderArtifact(folder))
    assert site.ask("GET", "/v2/models").json["models"] == ["linear", "new"]
    assert infer_paths(site.ask("GET", "/openapi.json")) == [LINEAR]


def test_a_manifest_is_read_once(site: Site) -> None:
    assert infer_paths(site.ask("GET", "/openapi.json")) == [LINEAR]
    s3, bucket = site.cloud.wiring.clients.s3(), site.cloud.resources.models_bucket
    s3.delete_object(Bucket=bucket, Key="models/linear/1/manifest.json")
    assert infer_paths(site.ask("GET", "/openapi.json")) == [LINEAR]


def test_every_example_is_answered(site: Site) -> None:
    for datatype in DATATYPES:
        site.publish_identity(datatype)
    publish(site, write_encoder(site.folder / "encoder"))
    model, manifest = text_encoder()
    publish(site, write_artifact(site.folder / "text", model, manifest))
    found = site.ask("GET", "/openapi.json").json
    tried = []
    for path, item in found["paths"].items():
        body = item.get("post", {}).get("requestBody", {"content": {}})
        for example in body["content"].get("application/json", {}).get("examples", {}).values():
            answer = site.ask(path=path, body=example["value"])
            assert answer.status == 200, (path, answer.body)
            schema = item["post"]["responses"]["200"]["content"]["application/json"]["schema"]
            assert named(found, schema["$ref"].rpartition("/")[2]).is_valid(answer.json)
            tried.append(path)
    assert tried.count("/v1/embeddings") == 2
    assert len(tried) == 2 + len(DATATYPES) + 3


def test_the_document_may_be_compressed(site: Site) -> None:
    answer = get(site, "/openapi.json", accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == get(site, "/openapi.json").body


@pytest.mark.usefixtures("layer")
def test_the_page_loads_nothing_from_elsewhere(site: Site) -> None:
    answer = get(site, "/docs")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    text = answer.body.decode()
    assert "//" not in text.replace("// The key", "")
    # Behind a stage the page is `/live/docs`: what is relative to it begins with `docs/`.
    loaded = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert {name.removeprefix("docs/") for name in loaded} == set(ASSETS)


@pytest.mark.usefixtures("layer")
def test_the_policy_names_the_page_s_own_script(site: Site) -> None:
    answer = get(site, "/docs")
    (script,) = re.findall(rb"<script>(.*?)</script>", answer.body, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
    policy = dict(
        each.split(" ", 1) for each in answer.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
    assert policy["connect-src"] == "'self'"


@pytest.mark.usefixtures("layer")
@pytest.mark.parametrize("encoding", ["gzip", "identity", "deflate", "br"])
def test_assets_travel_as_the_browser_takes_them(site: Site, encoding: str) -> None:
    answer = get(site, "/docs/swagger-ui-bundle.js", accept_encoding=encoding)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    zipped = answer.headers.get("content-encoding") == "gzip"
    assert zipped == (encoding == "gzip")
    assert (gzip.decompress(answer.body) if zipped else answer.body) == SCRIPT


@pytest.mark.usefixtures("layer")
def test_an_asset_that_is_there_already_is_not_sent(site: Site) -> None:
    first = get(site, "/docs/favicon-32x32.png")
    assert first.body == b"\x89PNG"
    again = get(site, "/docs/favicon-32x32.png", if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")


@pytest.mark.usefixtures("layer")
@pytest.mark.parametrize(
    "name", ["other.js", "swagger-ui.css.gz", "__init__.py", "..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd"]
)
def test_no_other_file_is_served(site: Site, name: str) -> None:
    answer = get(site, f"/docs/{name}")
    assert answer.status == 404
    assert answer.error


@pytest.mark.parametrize("path", ["/docs", "/docs/swagger-ui.css"])
def test_without_the_layer_the_page_says_so(site: Site, path: str) -> None:
    request = HttpRequest("GET", path, {}, b"", "gateway", 0)
    exchange = Exchange(request, 0.0, match=match("GET", path))
    service = site.cloud.wiring.service
    endpoints: Any = DocumentationEndpoints(service, package="no_such_package").endpoints()
    with pytest.raises(NotFound, match="expected the layer with no_such_package, got none"):
        endpoints[match("GET", path).route.endpoint](exchange)
