"""I4: which outputs come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .bodies import request_of

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server


def test_i4_without_outputs_all_come_back(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.pair()
    reply = server.reply(echo.model, request_of(*echo.samples()))
    assert {output.name for output in reply.outputs} == {spec.name for spec in echo.model.outputs}


def test_i4_no_outputs_named_means_all(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.any()
    reply = server.reply(echo.model, request_of(echo.sample(), outputs=[]))
    assert [output.name for output in reply.outputs] == [echo.output.name]


@pytest.mark.parametrize("which", [0, 1])
def test_i4_only_the_outputs_named_come_back(
    server: Server, catalogue: Catalogue, which: int
) -> None:
    echo = catalogue.pair()
    name = echo.model.outputs[which].name
    reply = server.reply(echo.model, request_of(*echo.samples(), outputs=[{"name": name}]))
    assert [output.name for output in reply.outputs] == [name]


@pytest.mark.parametrize("step", [1, -1], ids=["as listed", "reversed"])
def test_i4_outputs_come_in_the_order_asked_for(
    server: Server, catalogue: Catalogue, step: int
) -> None:
    echo = catalogue.pair()
    names = [spec.name for spec in echo.model.outputs][::step]
    wanted = [{"name": name} for name in names]
    reply = server.reply(echo.model, request_of(*echo.samples(), outputs=wanted))
    assert [output.name for output in reply.outputs] == names


def test_i4_an_output_named_twice_is_refused(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.any()
    twice = [{"name": echo.output.name}] * 2
    answer = server.infer(echo.model, request_of(echo.sample(), outputs=twice))
    server.refuses(answer, naming=echo.output.name)


def test_i4_an_unknown_output_is_refused(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.any()
    answer = server.infer(echo.model, request_of(echo.sample(), outputs=[{"name": "nowhere"}]))
    server.refuses(answer, naming="nowhere")


@pytest.mark.parametrize("outputs", [{}, "OUTPUT0", [5], [{}], [{"name": 5}]], ids=repr)
def test_i4_outputs_of_another_form_are_refused(
    server: Server, catalogue: Catalogue, outputs: object
) -> None:
    echo = catalogue.any()
    server.refuses(server.infer(echo.model, request_of(echo.sample(), outputs=outputs)))
