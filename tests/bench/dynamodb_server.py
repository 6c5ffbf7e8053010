"""A DynamoDB that takes every write: what a round trip costs without the service behind it.

Run as a program it serves on a port of 127.0.0.1. `POST /` with `X-Amz-Target` is a write;
`GET /` answers with the capacity that was counted since the last one, as JSON.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from typing import IO

from tests.bench.capacity import WriteCapacity

_HEADERS = (
    "HTTP/1.1 200 OK\r\nServer: Server\r\nContent-Type: application/x-amz-json-1.0\r\n"
    "x-amzn-RequestId: 0000000000000000000000000000000000000000000000000000\r\n"
    "Content-Length: {size}\r\n\r\n"
)


def main() -> None:
    """Serves until it is stopped."""
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    state = [WriteCapacity()]
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, state), daemon=True).start()


def _serve(connection: socket.socket, state: list[WriteCapacity]) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream = connection.makefile("rb")
    while line := stream.readline():
        headers = _headers(stream)
        body = stream.read(int(headers.get("content-length", 0)))
        answer = b"{}"
        if line.startswith(b"GET"):
            counted = {"requests": state[0].requests, "units": state[0].units}
            answer = json.dumps(counted).encode()
            state[0] = WriteCapacity()
        elif target := headers.get("x-amz-target"):
            state[0].count(target.partition(".")[2], json.loads(body))
        connection.sendall(_HEADERS.format(size=len(answer)).encode() + answer)


def _headers(stream: IO[bytes]) -> dict[str, str]:
    headers = {}
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return headers


if __name__ == "__main__":
    main()
