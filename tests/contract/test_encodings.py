"""I2: tensors in JSON and tensors in binary, in one body."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .bodies import request, request_of

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server


@pytest.fixture(autouse=True)
def _binary(server: Server) -> None:
    server.needs("binary_tensor_data")


@pytest.mark.parametrize("reverse", [False, True], ids=["as listed", "reversed"])
@pytest.mark.parametrize("binary", [0, 1], ids=["first in binary", "second in binary"])
def test_i2_json_and_binary_inputs_mix_in_either_order(
    server: Server, catalogue: Catalogue, binary: int, reverse: bool
) -> None:
    echo = catalogue.pair()
    sent = echo.samples()
    entries = [
        tensor.entry("binary" if index == binary else "nested") for index, tensor in enumerate(sent)
    ]
    mixed = request(entries[::-1] if reverse else entries, tail=sent[binary].raw)
    reply = server.reply(echo.model, mixed)
    for tensor, output in zip(sent, echo.model.outputs, strict=True):
        assert reply.output(output.name) == tensor.named(output.name)


def test_i2_binary_inputs_lie_in_the_order_of_inputs(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.pair()
    reply = server.reply(echo.model, request_of(*echo.samples()[::-1], form="binary"))
    for tensor, output in zip(echo.samples(), echo.model.outputs, strict=True):
        assert reply.output(output.name) == tensor.named(output.name)


@pytest.mark.parametrize("binary", [0, 1], ids=["first in binary", "second in binary"])
def test_i2_outputs_mix(server: Server, catalogue: Catalogue, binary: int) -> None:
    echo = catalogue.pair()
    outputs = [
        {"name": spec.name, "parameters": {"binary_data": index == binary}}
        for index, spec in enumerate(echo.model.outputs)
    ]
    reply = server.reply(echo.model, request_of(*echo.samples(), outputs=outputs))
    assert reply.binary == {echo.model.outputs[binary].name}
    for tensor, output in zip(echo.samples(), echo.model.outputs, strict=True):
        assert reply.output(output.name) == tensor.named(output.name)


@pytest.mark.parametrize(
    ("overall", "own", "binary"),
    [
        (None, None, False),
        (True, None, True),
        (False, None, False),
        (True, False, False),
        (False, True, True),
        (None, True, True),
    ],
)
def test_i2_an_outputs_own_wish_goes_before_the_requests(
    server: Server, catalogue: Catalogue, overall: bool | None, own: bool | None, binary: bool
) -> None:
    echo = catalogue.any()
    output = {"name": echo.output.name} | (
        {} if own is None else {"parameters": {"binary_data": own}}
    )
    fields = {} if overall is None else {"parameters": {"binary_data_output": overall}}
    reply = server.reply(echo.model, request_of(echo.sample(), outputs=[output], **fields))
    assert bool(reply.binary) is binary


def test_i2_the_requests_wish_goes_for_outputs_that_are_not_named(
    server: Server, catalogue: Catalogue
) -> None:
    echo = catalogue.pair()
    wish = {"binary_data_output": True}
    reply = server.reply(echo.model, request_of(*echo.samples(), parameters=wish))
    assert reply.binary == {spec.name for spec in echo.model.outputs}
