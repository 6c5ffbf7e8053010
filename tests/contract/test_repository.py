"""R10, R11: the model repository. A stranger's models are neither loaded nor unloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from .bodies import request_of

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server

INDEX = "/v2/repository/index"
STATES = {"UNKNOWN", "READY", "UNAVAILABLE", "LOADING", "UNLOADING"}


@pytest.fixture(autouse=True)
def _repository(server: Server) -> None:
    server.needs("model_repository")


# tritonclient sends no body at all.
@pytest.mark.parametrize("document", [None, {}, {"ready": False}], ids=repr)
def test_r10_the_index_is_an_array_of_models(
    server: Server, catalogue: Catalogue, document: dict[str, Any] | None
) -> None:
    answer = server.post(INDEX, document)
    assert answer.status == 200
    assert (answer.header("Content-Type") or "").startswith("application/json")
    assert isinstance(answer.json, list)
    for entry in answer.json:
        assert isinstance(entry["name"], str)
        assert isinstance(entry.get("version", ""), str)
        assert entry.get("state", "UNKNOWN") in STATES
        assert isinstance(entry.get("reason", ""), str)
    assert catalogue.any().model.name in {entry["name"] for entry in answer.json}


def test_r10_the_ready_ones_are_ready(server: Server, catalogue: Catalogue) -> None:
    entries = server.post(INDEX, {"ready": True}).json
    assert {entry.get("state", "READY") for entry in entries} == {"READY"}
    assert catalogue.any().model.name in {entry["name"] for entry in entries}


@pytest.mark.parametrize("ready", ["yes", 1, [], {}, "true"], ids=repr)
def test_r10_ready_is_a_boolean(server: Server, ready: object) -> None:
    server.refuses(server.post(INDEX, {"ready": ready}), naming="ready")


@pytest.mark.parametrize("body", [b"{", b"[]", b"5"], ids=repr)
def test_r10_what_is_no_json_object_is_refused(server: Server, body: bytes) -> None:
    server.refuses(server.send("POST", INDEX, body))


def test_r11_an_unknown_model_cannot_be_loaded(server: Server) -> None:
    answer = server.post("/v2/repository/models/no-such-model/load")
    message = server.refuses(answer, 400, 403, 404, 501, naming="no-such-model")
    server.differs("what the message says beside the name is the server's own")
    assert "failed to load" in message


def test_r11_ours_takes_no_files_here(server: Server, catalogue: Catalogue) -> None:
    server.differs("Triton takes files with a load")
    name = quote(catalogue.any().model.name, safe="")
    document = {"parameters": {"config": "{}", "file:1/model.onnx": "AAAA"}}
    server.refuses(server.post(f"/v2/repository/models/{name}/load", document), 403, 501)


def test_r11_ours_loads_what_is_published(server: Server, catalogue: Catalogue) -> None:
    server.differs("a stranger's models are left as they are")
    name = quote(catalogue.any().model.name, safe="")
    answer = server.post(f"/v2/repository/models/{name}/load")
    # Loading is an administrator's; the suite's key need not be one.
    if answer.status == 403:
        server.refuses(answer, 403)
        return
    assert (answer.status, answer.body) == (200, b"")


def test_r11_ours_unloads_nothing_that_an_alias_points_to(
    server: Server, catalogue: Catalogue
) -> None:
    server.differs("a stranger's models are left as they are")
    echo = catalogue.any()
    name = quote(echo.model.name, safe="")
    server.refuses(server.post(f"/v2/repository/models/{name}/unload"), 400, 403, 409, 501)
    assert server.reply(echo.model, request_of(echo.sample())).outputs[0].raw == echo.sample().raw
