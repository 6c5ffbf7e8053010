"""I7: NaN and the infinities, which JSON has no numbers for."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import pytest

from .bodies import Tensor, read, request, request_of
from .datatypes import FLOATS, encode

if TYPE_CHECKING:
    from .discovery import Catalogue, Echo
    from .server import Server

NON_FINITE = [float("nan"), float("inf"), float("-inf"), 0.5]
SPELLED = ["NaN", "Infinity", "-Infinity", 0.5]


def tensor(echo: Echo) -> Tensor:
    """Non-finite numbers in a shape of the echo's."""
    shape = echo.input.concrete(4)
    values = (NON_FINITE * math.prod(shape))[: math.prod(shape)]
    return Tensor(echo.input.name, echo.datatype, shape, encode(echo.datatype, values))


def same(one: list[float], other: list[float]) -> bool:
    return [repr(value) for value in one] == [repr(value) for value in other]


@pytest.mark.parametrize("datatype", FLOATS)
def test_i7_an_answer_is_strict_json_and_loses_nothing(
    server: Server, catalogue: Catalogue, datatype: str
) -> None:
    server.needs("binary_tensor_data")
    echo = catalogue.echo(datatype)
    sent, output = tensor(echo), {"name": echo.output.name, "parameters": {"binary_data": False}}
    answer = server.infer(echo.model, request_of(sent, form="binary", outputs=[output]))
    # A peer may refuse rather than spell them; a bare NaN, or null for it, is neither.
    if answer.status != 200:
        server.refuses(answer, 400, 500)
        server.differs(f"refuses non-finite {datatype} in JSON")
    assert same(read(answer).outputs[0].values, sent.values)


@pytest.mark.parametrize("datatype", FLOATS)
def test_i7_a_request_may_spell_them(server: Server, catalogue: Catalogue, datatype: str) -> None:
    server.differs("the spelling in a request is ours: the protocol has none")
    echo = catalogue.echo(datatype)
    sent = tensor(echo)
    data = (SPELLED * len(sent.values))[: len(sent.values)]
    reply = server.reply(echo.model, request([sent.entry(data=data)]))
    assert same(reply.outputs[0].values, sent.values)


def test_i7_null_is_nan(server: Server, catalogue: Catalogue) -> None:
    server.differs("null for NaN is ours: the protocol has no form for it")
    echo = catalogue.echo("FP32")
    sent = echo.sample()
    reply = server.reply(echo.model, request([sent.entry(data=[None] * len(sent.values))]))
    assert all(math.isnan(value) for value in reply.outputs[0].values)


@pytest.mark.parametrize("word", ["nan", "inf", "+Infinity", "Infinity ", "1.5"])
def test_i7_other_words_are_refused(server: Server, catalogue: Catalogue, word: str) -> None:
    echo = catalogue.echo("FP32")
    data = [1.0] * (len(echo.sample().values) - 1)
    answer = server.infer(echo.model, request([echo.sample().entry(data=[*data, word])]))
    if answer.status == 200:
        server.differs("coerces strings to numbers, as OIP allows")
    server.refuses(answer, naming=echo.input.name)


# Quiet and signalling NaNs with payloads, of both signs.
NANS = {
    "FP16": struct.pack("<4H", 0x7E01, 0xFE55, 0x7C01, 0xFC00),
    "BF16": struct.pack("<4H", 0x7FC1, 0xFFD5, 0x7F81, 0xFF80),
    "FP32": struct.pack("<4I", 0x7FC00001, 0xFFC55555, 0x7F800001, 0xFF800000),
    "FP64": struct.pack("<4Q", 0x7FF8 << 48 | 1, 0xFFF8 << 48 | 5, 0x7FF0 << 48 | 1, 0xFFF0 << 48),
}


@pytest.mark.parametrize("datatype", FLOATS)
def test_i7_in_binary_they_come_back_bit_for_bit(
    server: Server, catalogue: Catalogue, datatype: str
) -> None:
    server.needs("binary_tensor_data")
    echo = catalogue.echo(datatype, lambda shape: shape == (-1, 2), "of [-1,2]")
    sent = Tensor(echo.input.name, datatype, (2, 2), NANS[datatype])
    wish = {"binary_data_output": True}
    reply = server.reply(echo.model, request_of(sent, form="binary", parameters=wish))
    assert reply.outputs[0].raw == sent.raw


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "01", "0x1", ".5"])
def test_i7_a_request_is_strict_json_too(server: Server, catalogue: Catalogue, number: str) -> None:
    echo = catalogue.echo("FP32")
    sent = request_of(echo.sample(rows=1))
    spoilt = sent.body.replace(b'"data": [', b'"data": [' + number.encode() + b", ", 1)
    assert spoilt != sent.body
    answer = server.infer(echo.model, type(sent)(spoilt))
    server.refuses(answer)
