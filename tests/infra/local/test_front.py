"""The customers' URL, over real HTTP."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import subprocess
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import urllib3

from tests.infra.local.running import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.infra.local.running import Local


def call(local: Local, path: str, **options: object) -> urllib3.BaseHTTPResponse:
    method = str(options.pop("method", "POST" if "body" in options else "GET"))
    return urllib3.request(method, local.url + path, retries=False, timeout=60, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("/v2/models/x/infer", "/v2/models/x/infer"),
        # As REST APIs hand it on: another kind decodes it.
        ("/a%20b/c", "/a%20b/c"),
        ("/a%2Fb%252F", "/a%2Fb%252F"),
        ("/_ministack/reset", "/_ministack/reset"),
        ("/restapis/x/y/_user_request_/z", "/restapis/x/y/_user_request_/z"),
    ],
)
def test_the_function_sees_the_path_as_the_customer_calls_it(local: Local, sent: str, seen: str):
    assert call(local, sent).json()["path"] == seen


def test_header_names_keep_their_case(local: Local):
    event = call(local, "/x", headers={"X-Mixed-Case": "1"}).json()
    assert event["headers"]["X-Mixed-Case"] == "1"


def test_a_bearer_key_reaches_the_function(local: Local):
    event = call(local, "/x", headers={"Authorization": "Bearer abc"}).json()
    assert event["headers"]["Authorization"] == "Bearer abc"


def test_options_reach_the_function(local: Local):
    assert call(local, "/x", method="OPTIONS").json()["httpMethod"] == "OPTIONS"


def test_a_head_request_has_no_body(local: Local):
    answer = call(local, "/x", method="HEAD")
    assert (answer.status, answer.data, answer.headers["x-from"]) == (200, b"", "function")


def test_the_functions_headers_pass(local: Local):
    assert call(local, "/x").headers["x-from"] == "function"


def test_the_request_id_is_the_events(local: Local):
    answer = call(local, "/x")
    assert answer.headers["x-amzn-RequestId"] == answer.json()["requestContext"]["requestId"]


def test_repeated_response_headers_pass(local: Local):
    answer = call(local, "/cookies")
    assert answer.status == 201
    assert answer.headers.getlist("set-cookie") == ["a=1", "b=2"]


def test_binary_bodies_pass_both_ways(local: Local):
    assert call(local, "/size", body=bytes(range(256))).data == b"256"
    assert call(local, "/bytes").data == bytes(range(256))


def test_a_compressed_answer_is_left_as_it_is(local: Local):
    answer = call(local, "/gzip", decode_content=False)
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.data) == b"x" * 1000
    assert answer.headers["content-length"] == str(len(answer.data))


def test_a_compressed_request_is_left_as_it_is(local: Local):
    body = gzip.compress(b"x" * 1000)
    event = call(local, "/x", body=body, headers={"Content-Encoding": "gzip"}).json()
    assert event["headers"]["Content-Encoding"] == "gzip"
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (body, True)


@pytest.mark.parametrize("path", ["/raise", "/malformed", "/sleep"])
def test_a_failing_function_is_502_and_tells_nothing(local: Local, path: str):
    answer = call(local, path)
    assert (answer.status, answer.json()) == (502, {"error": "Internal server error"})


@pytest.mark.parametrize("size", [5_000_000, 11_000_000])
def test_more_than_the_gateway_or_the_function_takes_is_413(local: Local, size: int):
    answer = call(local, "/size", body=b"x" * size)
    assert (answer.status, answer.json()) == (413, {"error": "Request Too Long"})


def test_four_megabytes_pass(local: Local):
    assert call(local, "/size", body=b"x" * 4_000_000).data == b"4000000"


def test_a_connection_is_kept_alive(local: Local):
    connection = HTTPConnection(urlsplit(local.url).netloc, timeout=20)
    sockets = set()
    for _ in range(3):
        connection.request("GET", "/x")
        connection.getresponse().read()
        sockets.add(connection.sock)
    connection.close()
    assert len(sockets) == 1


def _logged(local: Local, request_id: str) -> list[dict[str, object]]:
    entries = map(json.loads, (local.home / "access.log").read_text().splitlines())
    return [entry for entry in entries if entry["request_id"] == request_id]


def test_every_request_is_in_the_access_log(local: Local):
    answer = call(local, "/logged?q=1")
    # It is written once the answer is out.
    (entry,) = eventually(lambda: _logged(local, answer.headers["x-amzn-RequestId"]))
    assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/logged", 200)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_may_wait_for_100_continue(local: Local, tmp_path: Path):
    body = tmp_path / "body"
    body.write_bytes(b"x" * 4_000_000)
    answer = subprocess.run(
        [
            "curl",
            "-s",
            "-H",
            "Expect: 100-continue",
            "--data-binary",
            f"@{body}",
            f"{local.url}/size",
        ],
        capture_output=True,
        check=True,
    )
    assert answer.stdout == b"4000000"


def test_geventhttpclient_works(local: Local):
    from geventhttpclient import HTTPClient

    client = HTTPClient.from_url(local.url)
    answer = client.post("/size", body=b"x" * 1000)
    assert (answer.status_code, answer.read()) == (200, b"1000")
    client.close()


def test_a_stack_that_is_being_deployed_answers_503(local: Local):
    path = local.home / "state.json"
    kept = path.read_text()
    path.write_text(json.dumps({**json.loads(kept), "ready": False}))
    try:
        answer = call(local, "/x")
    finally:
        path.write_text(kept)
    assert answer.status == 503
    assert "deployed" in answer.json()["error"]
