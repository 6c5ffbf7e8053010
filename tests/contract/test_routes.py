"""M8: methods and paths that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .bodies import request_of

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server

WRONG_METHODS = [
    ("POST", "/v2"),
    ("POST", "/v2/health/live"),
    ("POST", "/v2/health/ready"),
    ("POST", "{model}"),
    ("DELETE", "{model}"),
    ("POST", "{model}/ready"),
    ("GET", "{model}/infer"),
    ("PUT", "{model}/infer"),
    ("POST", "{model}/versions/1"),
    ("GET", "{model}/versions/1/infer"),
]
OF_EXTENSIONS = [
    ("POST", "{model}/config", "model_configuration"),
    ("POST", "{model}/stats", "statistics"),
    ("POST", "/v2/models/stats", "statistics"),
    ("GET", "/v2/repository/index", "model_repository"),
    ("GET", "/v2/repository/models/{name}/load", "model_repository"),
    ("GET", "/v2/repository/models/{name}/unload", "model_repository"),
]


def ids(cases: list[tuple[str, ...]]) -> list[str]:
    return [f"{method} {path}" for method, path, *_ in cases]


@pytest.mark.parametrize(("method", "path"), WRONG_METHODS, ids=ids(WRONG_METHODS))
def test_m8_a_wrong_method_is_405(
    server: Server, catalogue: Catalogue, method: str, path: str
) -> None:
    path = path.format(model=catalogue.any().path)
    server.refuses(server.send(method, path), 405)


@pytest.mark.parametrize(("method", "path", "extension"), OF_EXTENSIONS, ids=ids(OF_EXTENSIONS))
def test_m8_a_wrong_method_on_an_extension_is_405(
    server: Server, catalogue: Catalogue, method: str, path: str, extension: str
) -> None:
    server.needs(extension)
    model = catalogue.any().model
    server.refuses(server.send(method, path.format(model=model.path, name=model.name)), 405)


@pytest.mark.parametrize("path", ["/v2/nothing", "/v2/models/", "/", "{model}/nothing"])
def test_m8_an_unknown_route_is_404(server: Server, catalogue: Catalogue, path: str) -> None:
    path = path.format(model=catalogue.any().path)
    # KServe and MLServer answer their list of models with a slash after it, too.
    if path == "/v2/models/" and server.get(path).status == 200:
        server.differs("a slash after the list of models changes nothing here")
    server.refuses(server.get(path), 404)


# Some gateways and servers refuse these before any route is looked up; with 400, if at all.
ODD_NAMES = ["a%2Fb", "a%20b", "%00", "..%2F..%2Fetc%2Fpasswd", "%C5%BC", "x" * 2000, "a%0Ab"]


@pytest.mark.parametrize("name", ODD_NAMES, ids=[name[:20] for name in ODD_NAMES])
def test_m8_an_odd_model_name_is_an_error_like_any_other(
    server: Server, catalogue: Catalogue, name: str
) -> None:
    body = request_of(catalogue.any().sample()).body
    statuses = (404,) if server.ours else (404, 400)
    for method, suffix in (("GET", ""), ("GET", "/ready"), ("POST", "/infer")):
        path = f"/v2/models/{name}{suffix}"
        answer = server.send(method, path, body if method == "POST" else b"")
        server.refuses(answer, *statuses)
