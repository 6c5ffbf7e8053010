"""M6, M7: which model and version a path names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .bodies import request_of

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server

SUFFIXES = [("GET", ""), ("GET", "/ready"), ("POST", "/infer")]


def unknown(server: Server) -> tuple[int, ...]:
    """404, as Triton maps NOT_FOUND; elsewhere OIP's "typically 400" will do."""
    return (404,) if server.ours else (404, 400)


@pytest.mark.parametrize(("method", "suffix"), SUFFIXES, ids=["metadata", "ready", "infer"])
def test_m6_an_unknown_model_is_said_to_be_unknown(
    server: Server, catalogue: Catalogue, method: str, suffix: str
) -> None:
    body = request_of(catalogue.any().sample()).body if method == "POST" else b""
    answer = server.send(method, f"/v2/models/no-such-model{suffix}", body)
    message = server.refuses(answer, *unknown(server), naming="no-such-model")
    assert message.startswith("Request for unknown model")


@pytest.mark.parametrize(("method", "suffix"), SUFFIXES, ids=["metadata", "ready", "infer"])
def test_m6_an_unknown_version_is_said_to_be_unknown(
    server: Server, catalogue: Catalogue, method: str, suffix: str
) -> None:
    echo = catalogue.any()
    body = request_of(echo.sample()).body if method == "POST" else b""
    answer = server.send(method, f"{echo.path}/versions/987654321{suffix}", body)
    message = server.refuses(answer, *unknown(server), naming="987654321")
    assert message.startswith("Request for unknown model")


def test_m7_the_answer_names_model_and_version(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.any()
    document = server.reply(echo.model, request_of(echo.sample())).document
    assert document["model_name"] == echo.model.name
    # The version is optional in OIP; where metadata lists versions, it is one of them.
    if echo.model.versions:
        assert document["model_version"] in echo.model.versions


def test_m7_each_listed_version_can_be_called_and_is_named(
    server: Server, catalogue: Catalogue
) -> None:
    echo = max(catalogue.echoes, key=lambda each: len(each.model.versions), default=catalogue.any())
    if not echo.model.versions:
        server.lacks("no model's metadata lists versions")
    request = request_of(*echo.samples())
    for version in echo.model.versions:
        path = f"{echo.path}/versions/{version}"
        assert server.get(path).json["name"] == echo.model.name
        assert server.get(f"{path}/ready").status == 200
        answer = server.send("POST", f"{path}/infer", request.body)
        assert (answer.status, answer.json["model_version"]) == (200, version)


def test_m7_without_a_version_the_answer_is_that_of_the_named_one(
    server: Server, catalogue: Catalogue
) -> None:
    echo = catalogue.any()
    request = request_of(echo.sample())
    bare = server.infer(echo.model, request).json
    if "model_version" not in bare:
        server.lacks("answers name no version")
    path = f"{echo.path}/versions/{bare['model_version']}/infer"
    assert server.send("POST", path, request.body).json == bare


def test_m7_an_alias_is_answered_by_the_version_that_it_points_to(
    server: Server, catalogue: Catalogue
) -> None:
    server.differs("aliases in the place of a version are ours: OIP's versions are strings")
    echo = max(catalogue.echoes, key=lambda each: len(each.model.versions), default=catalogue.any())
    if server.get(f"{echo.path}/versions/prod").status != 200:
        server.lacks(f"the alias prod of {echo.model.name} points to nothing")
    request = request_of(*echo.samples())
    bare = server.infer(echo.model, request).json
    aliased = server.send("POST", f"{echo.path}/versions/prod/infer", request.body).json
    assert aliased == bare
    assert aliased["model_version"] in echo.model.versions
