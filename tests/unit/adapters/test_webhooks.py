"""POSTs over a real connection to this machine."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from infermeter.adapters.webhooks import HttpPoster
from infermeter.export.vendors import Answer, Post, Silence
from tests.ports_export import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator


class Receiver(BaseHTTPRequestHandler):
    """Answers by the path."""

    seen: list[tuple[str, str, bytes]] = []  # noqa: RUF012  the server makes the instances

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.path, self.headers["authorization"], body))
        if self.path == "/hangup":
            self.close_connection = True
            return
        status = int(self.path.removeprefix("/"))
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/200")
        content = b"said" if status != 204 else b""
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    Receiver.seen = []
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def send(url: str, token: str = TOKEN) -> Answer | Silence:
    return HttpPoster()(Post(url, {"authorization": token}, b"body"))


@pytest.mark.parametrize(("status", "said"), [(200, b"said"), (204, b""), (429, b"said")])
def test_an_answer_is_brought_back(url: str, status: int, said: bytes) -> None:
    assert send(f"{url}/{status}") == Answer(status, said)
    assert Receiver.seen == [(f"/{status}", TOKEN, b"body")]


def test_a_redirect_is_not_followed(url: str) -> None:
    assert send(f"{url}/302") == Answer(302, b"said")
    assert len(Receiver.seen) == 1


def test_who_hangs_up_may_have_taken_it(url: str) -> None:
    answer = send(f"{url}/hangup")
    assert isinstance(answer, Silence)
    assert answer.reached


def test_who_does_not_listen_was_not_reached() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    answer = send(f"http://127.0.0.1:{port}/200")
    assert isinstance(answer, Silence)
    assert not answer.reached


@pytest.mark.parametrize("url", ["http://vendor.example/", "ftp://127.0.0.1/", "https:///x"])
def test_nothing_goes_out_in_plain_text(url: str) -> None:
    answer = send(url)
    assert isinstance(answer, Silence)
    assert not answer.reached
    assert answer.reason.startswith("expected https://")


def test_a_certificate_is_asked_for(url: str) -> None:
    answer = send(url.replace("http://", "https://") + "/200")
    assert isinstance(answer, Silence)
    assert not answer.reached
    assert Receiver.seen == []


@pytest.mark.parametrize("token", ["sk_live\nx: y", "sk_live_\u2603"])
def test_a_bad_token_is_not_told(url: str, token: str) -> None:
    answer = send(f"{url}/200", token)
    assert isinstance(answer, Silence)
    assert not answer.reached
    assert "sk_live" not in answer.reason
    assert Receiver.seen == []
