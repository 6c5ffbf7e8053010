"""X*: what a server may leave out, and must then refuse in the protocol's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .server import error_of

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server

GENERATION = ["generate", "generate_stream", "infer_stream"]
# Regions and settings of a machine's: only what reads is sent to a stranger.
MACHINE = [
    ("GET", "/v2/systemsharedmemory/status"),
    ("GET", "/v2/systemsharedmemory/region/a/status"),
    ("GET", "/v2/cudasharedmemory/status"),
    ("GET", "/v2/trace/setting"),
    ("GET", "/v2/logging"),
]
MACHINE_CHANGES = [
    ("POST", "/v2/systemsharedmemory/region/a/register"),
    ("POST", "/v2/systemsharedmemory/unregister"),
    ("POST", "/v2/cudasharedmemory/region/a/register"),
    ("POST", "/v2/cudasharedmemory/unregister"),
    ("POST", "/v2/trace/setting"),
    ("POST", "/v2/logging"),
]


def refused_or_offered(server: Server, method: str, path: str, body: bytes = b"{}") -> None:
    """501 of ours, with a reason. A peer may offer it, or not know the route."""
    answer = server.send(method, path, b"" if method == "GET" else body)
    if not server.ours and 200 <= answer.status < 300:
        return
    server.refuses(answer, *((501,) if server.ours else (400, 404, 405, 422, 501)))


@pytest.mark.parametrize("version", ["", "/versions/1"], ids=["bare", "a version"])
@pytest.mark.parametrize("endpoint", GENERATION)
def test_x1_generation_is_offered_or_refused(
    server: Server, catalogue: Catalogue, endpoint: str, version: str
) -> None:
    body = b'{"text_input": "once upon"}'
    refused_or_offered(server, "POST", f"{catalogue.any().path}{version}/{endpoint}", body)


@pytest.mark.parametrize(("method", "path"), MACHINE, ids=lambda value: value)
def test_x2_a_machines_own_is_offered_or_refused(server: Server, method: str, path: str) -> None:
    refused_or_offered(server, method, path)


@pytest.mark.parametrize(("method", "path"), MACHINE_CHANGES, ids=lambda value: value)
def test_x2_ours_has_no_machine_to_change(server: Server, method: str, path: str) -> None:
    server.differs("a stranger's settings are left as they are")
    server.refuses(server.send(method, path, b"{}"), 501)


def test_x2_a_models_trace_setting_is_offered_or_refused(
    server: Server, catalogue: Catalogue
) -> None:
    refused_or_offered(server, "GET", f"{catalogue.any().path}/trace/setting")


def test_x2_shared_memory_in_a_request_is_refused(server: Server, catalogue: Catalogue) -> None:
    from .bodies import request

    echo = catalogue.any()
    entry = echo.sample().entry()
    del entry["data"]
    region = {"shared_memory_region": "no-such-region", "shared_memory_byte_size": 16}
    answer = server.infer(echo.model, request([entry | {"parameters": region}]))
    error_of(answer, 400, 404, 501)


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions"])
def test_x3_completions_are_refused_so_that_no_client_tries_again(
    server: Server, path: str
) -> None:
    server.differs("completions are another product's; there is nothing to hold it to")
    answer = server.post(path, {"model": "m", "messages": [], "prompt": "x"})
    assert answer.status == 501
    assert answer.header("Content-Type") == "application/json"
    assert set(answer.json) == {"error"}
    assert answer.json["error"]["message"]
    # The openai SDK sends a 5xx again unless told not to.
    assert answer.header("x-should-retry") == "false"
