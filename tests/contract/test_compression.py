"""B3: gzip and deflate (a zlib stream), of requests and of answers."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest

from .bodies import LENGTH, Request, read, request_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .discovery import Catalogue, Echo
    from .server import Server
    from .transport import Answer

PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}
UNPACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "deflate": zlib.decompress}
MIB = 1024 * 1024
# Far above any limit on a body (Triton's is 64 MiB), and some 0.25 MB once compressed.
BOMB_MIB = 256


def packed(sent: Request, encoding: str) -> Request:
    """The request compressed; the JSON part's length stays that of the uncompressed one."""
    return Request(PACK[encoding](sent.body), sent.headers | {"Content-Encoding": encoding})


def require_compression(server: Server, echo: Echo) -> None:
    """Goes on only where a compressed request is understood; OIP has no extension to ask for."""
    if server.infer(echo.model, packed(request_of(echo.sample()), "gzip")).status != 200:
        server.lacks("compressed requests are not understood")


@cache
def bomb(encoding: str) -> bytes:
    """Spaces, and an object after them."""
    packer = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    parts = [packer.compress(b" " * MIB) for _ in range(BOMB_MIB)]
    return b"".join([*parts, packer.compress(b"{}"), packer.flush()])


@pytest.mark.parametrize("form", ["flat", "binary"])
@pytest.mark.parametrize("encoding", PACK)
def test_b3_a_compressed_request_is_understood(
    server: Server, catalogue: Catalogue, encoding: str, form: str
) -> None:
    echo = catalogue.any()
    require_compression(server, echo)
    if form == "binary":
        server.needs("binary_tensor_data")
    sent = packed(request_of(echo.sample(), form=form), encoding)
    assert server.reply(echo.model, sent).outputs[0].raw == echo.sample().raw


@pytest.mark.parametrize("encoding", PACK)
def test_b3_a_bomb_is_refused(server: Server, catalogue: Catalogue, encoding: str) -> None:
    echo = catalogue.any()
    require_compression(server, echo)
    answer = server.infer(echo.model, Request(bomb(encoding), {"Content-Encoding": encoding}))
    server.refuses(answer, *((413,) if server.ours else (413, 400)))


def test_b3_a_bomb_is_not_held_in_memory(server: Server, catalogue: Catalogue) -> None:
    if not server.complete:
        pytest.skip("memory is measured in the process alone: run without --base-url")
    echo, sent = catalogue.any(), Request(bomb("gzip"), {"Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        server.infer(echo.model, sent)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < BOMB_MIB * MIB / 2


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "nonsense", "gzip, gzip, br"])
def test_b3_an_unknown_encoding_is_refused(
    server: Server, catalogue: Catalogue, encoding: str
) -> None:
    echo = catalogue.any()
    sent = request_of(echo.sample())
    answer = server.infer(echo.model, sent, Content_Encoding=encoding)
    # Triton calls it unsupported (501).
    server.refuses(answer, *((415,) if server.ours else (415, 501)))


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda body: body,
    "cut": lambda body: gzip.compress(body)[:-9],
    "a wrong checksum": lambda body: gzip.compress(body)[:-8] + b"\x00" * 8,
    "a header alone": lambda body: gzip.compress(body)[:10],
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_b3_a_damaged_body_is_refused(
    server: Server, catalogue: Catalogue, damage: Callable[[bytes], bytes]
) -> None:
    echo = catalogue.any()
    require_compression(server, echo)
    body = damage(request_of(echo.sample()).body)
    server.refuses(server.infer(echo.model, Request(body, {"Content-Encoding": "gzip"})))


def large_answer(server: Server, catalogue: Catalogue, *, binary: bool, accept: str) -> Answer:
    """An answer that is worth compressing."""
    echo = catalogue.table()
    wish = {"binary_data_output": True} if binary else {}
    sent = request_of(echo.sample(rows=64), parameters=wish)
    return server.infer(echo.model, sent, Accept_Encoding=accept)


@pytest.mark.parametrize("binary", [False, True], ids=["json", "binary"])
@pytest.mark.parametrize("encoding", PACK)
def test_b3_an_answer_is_compressed_where_that_is_asked_for(
    server: Server, catalogue: Catalogue, encoding: str, binary: bool
) -> None:
    if binary:
        server.needs("binary_tensor_data")
    answer = large_answer(server, catalogue, binary=binary, accept=encoding)
    if answer.header("Content-Encoding") is None:
        server.lacks(f"an answer does not come in {encoding}")
    assert answer.header("Content-Encoding") == encoding
    headers = {k: v for k, v in answer.headers.items() if k.lower() != "content-encoding"}
    plain = replace(answer, headers=headers, body=UNPACK[encoding](answer.body))
    # The JSON part's length is that of the uncompressed one: read() cuts there.
    assert read(plain).outputs[0].raw == catalogue.table().sample(rows=64).raw
    assert (answer.header(LENGTH) is not None) is binary


@pytest.mark.parametrize("accept", ["", "identity", "br", "gzip;q=0", "gzip;q=0, deflate;q=0.0"])
def test_b3_an_answer_is_not_compressed_where_it_is_not_asked_for(
    server: Server, catalogue: Catalogue, accept: str
) -> None:
    answer = large_answer(server, catalogue, binary=False, accept=accept)
    assert answer.header("Content-Encoding") is None
    assert read(answer).outputs[0].raw == catalogue.table().sample(rows=64).raw


def test_b3_without_accept_encoding_nothing_is_compressed(
    server: Server, catalogue: Catalogue
) -> None:
    echo = catalogue.table()
    answer = server.infer(echo.model, request_of(echo.sample(rows=64)))
    assert answer.header("Content-Encoding") is None


@pytest.mark.parametrize("accept", ["br, gzip", "gzip;q=0.5, br;q=1", "GZIP", "deflate;q=0, gzip"])
def test_b3_the_encoding_is_one_of_those_accepted(
    server: Server, catalogue: Catalogue, accept: str
) -> None:
    answer = large_answer(server, catalogue, binary=False, accept=accept)
    if answer.header("Content-Encoding") is None:
        server.lacks("an answer does not come in gzip")
    assert answer.header("Content-Encoding") == "gzip"
    assert gzip.decompress(answer.body).startswith(b"{")


@pytest.mark.parametrize("path", ["/v2", "{model}", "/v2/models", "/v2/models/no-such-model"])
def test_b3_metadata_and_errors_are_never_compressed(
    server: Server, catalogue: Catalogue, path: str
) -> None:
    path = path.format(model=catalogue.any().path)
    assert server.get(path, Accept_Encoding="gzip, deflate").header("Content-Encoding") is None
