"""I8: BYTES tensors, whose elements have lengths of their own."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from .bodies import Tensor, read, request, request_of
from .datatypes import encode

if TYPE_CHECKING:
    from .discovery import Catalogue, Echo
    from .server import Server


def echo_of(catalogue: Catalogue) -> Echo:
    return catalogue.echo("BYTES", lambda shape: shape == (-1, 2), "of [-1,2]")


def pair(echo: Echo, *values: bytes) -> Tensor:
    return Tensor(echo.input.name, "BYTES", (1, 2), encode("BYTES", list(values)))


@pytest.mark.parametrize("form", ["flat", "binary"])
@pytest.mark.parametrize("back", ["flat", "binary"])
def test_i8_a_nul_inside_comes_back(
    server: Server, catalogue: Catalogue, form: str, back: str
) -> None:
    server.needs("binary_tensor_data")
    echo = echo_of(catalogue)
    sent = pair(echo, b"a\x00b", b"\x00")
    wish = {"binary_data_output": back == "binary"}
    reply = server.reply(echo.model, request_of(sent, form=form, parameters=wish))
    assert reply.outputs == [sent.named(echo.output.name)]


def test_i8_what_is_not_utf8_comes_back_in_binary_or_is_refused(
    server: Server, catalogue: Catalogue
) -> None:
    server.needs("binary_tensor_data")
    echo = echo_of(catalogue)
    sent = pair(echo, b"\xff\xfe\x00", b"\x80")
    wish = {"binary_data_output": True}
    answer = server.infer(echo.model, request_of(sent, form="binary", parameters=wish))
    # An ONNX string is UTF-8 by definition: a model behind onnxruntime's Python API cannot take
    # other bytes, and says so.
    if answer.status != 200:
        server.refuses(answer, 400, naming=echo.input.name)
        return
    assert read(answer).outputs == [sent.named(echo.output.name)]


def test_i8_what_is_not_utf8_is_never_put_into_json(server: Server, catalogue: Catalogue) -> None:
    server.needs("binary_tensor_data")
    echo = echo_of(catalogue)
    sent = pair(echo, b"\xff\xfe", b"a")
    output = {"name": echo.output.name, "parameters": {"binary_data": False}}
    answer = server.infer(echo.model, request_of(sent, form="binary", outputs=[output]))
    server.refuses(answer)


@pytest.mark.parametrize("escape", [b"\\ud800", b"\\udfff x"], ids=repr)
def test_i8_half_a_surrogate_pair_is_refused(
    server: Server, catalogue: Catalogue, escape: bytes
) -> None:
    echo = echo_of(catalogue)
    sent = request_of(pair(echo, b"surrogate", b"a"))
    server.refuses(
        server.infer(echo.model, type(sent)(sent.body.replace(b'"surrogate"', b'"%s"' % escape)))
    )


DAMAGED = {
    "a length of 3 bytes": b"\x01\x00\x00",
    "an element that ends early": struct.pack("<I", 9) + b"abc",
    "a length of 4 GiB": struct.pack("<I", 2**32 - 1) + b"abc",
    "one element too few": encode("BYTES", [b"abc"]),
    "one element too many": encode("BYTES", [b"a", b"b", b"c"]),
    "a byte after the last": encode("BYTES", [b"a", b"b"]) + b"\x00",
    "nothing": b"",
}


@pytest.mark.parametrize("raw", DAMAGED.values(), ids=DAMAGED)
def test_i8_damaged_elements_are_refused(server: Server, catalogue: Catalogue, raw: bytes) -> None:
    server.needs("binary_tensor_data")
    echo = echo_of(catalogue)
    entry = pair(echo, b"a", b"b").entry("binary", parameters={"binary_data_size": len(raw)})
    answer = server.infer(echo.model, request([entry], tail=raw))
    server.refuses(answer, naming=echo.input.name)


def test_i8_a_long_element_comes_back(server: Server, catalogue: Catalogue) -> None:
    echo = echo_of(catalogue)
    sent = pair(echo, b"x" * 300_000, b"")
    reply = server.reply(echo.model, request_of(sent))
    assert reply.outputs == [sent.named(echo.output.name)]
