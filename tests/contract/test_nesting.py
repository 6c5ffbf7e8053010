"""S1: JSON nested so deeply that a recursive parser would fall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .bodies import Request, request_of

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server


def lists(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def objects(depth: int) -> bytes:
    return b'{"a":' * depth + b"5" + b"}" * depth


def placed(body: bytes, place: str, deep: bytes) -> Request:
    """The body with something deep in one place."""
    if place == "an ignored field":
        return Request(body.replace(b"{", b'{"ignored": ' + deep + b", ", 1))
    if place == "the request's parameters":
        return Request(body.replace(b"{", b'{"parameters": {"deep": ' + deep + b"}, ", 1))
    if place == "the data":
        return Request(body.replace(b'"data": [', b'"data": [' + deep + b", ", 1))
    assert place == "the inputs"
    return Request(body.replace(b'"inputs": [', b'"inputs": [' + deep + b", ", 1))


PLACES = ["an ignored field", "the request's parameters", "the data", "the inputs"]


# Triton's bound is 100 (`src/common.h`).
@pytest.mark.parametrize("deep", [lists, objects], ids=["lists", "objects"])
@pytest.mark.parametrize("depth", [120, 5000, 250_000])
@pytest.mark.parametrize("place", PLACES)
def test_s1_what_is_nested_too_deeply_is_refused(
    server: Server, catalogue: Catalogue, place: str, depth: int, deep
) -> None:
    echo = catalogue.any()
    body = request_of(echo.sample()).body
    server.refuses(server.infer(echo.model, placed(body, place, deep(depth))))


@pytest.mark.parametrize("deep", [lists, objects], ids=["lists", "objects"])
def test_s1_an_ignored_field_may_be_nested(server: Server, catalogue: Catalogue, deep) -> None:
    echo = catalogue.any()
    body = request_of(echo.sample()).body
    reply = server.reply(echo.model, placed(body, "an ignored field", deep(50)))
    assert reply.outputs[0].raw == echo.sample().raw


def test_s1_brackets_inside_a_string_are_no_nesting(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.any()
    sent = request_of(echo.sample(), ignored='"' + "[{" * 5000 + "\\")
    assert server.reply(echo.model, sent).outputs[0].raw == echo.sample().raw


@pytest.mark.parametrize("body", [b"[" * 250_000, b'{"a":' * 250_000], ids=["lists", "objects"])
def test_s1_what_never_closes_is_refused(server: Server, catalogue: Catalogue, body: bytes) -> None:
    server.refuses(server.infer(catalogue.any().model, Request(body)))


@pytest.mark.parametrize("depth", [120, 250_000])
def test_s1_the_repository_refuses_a_deep_ready(server: Server, depth: int) -> None:
    server.needs("model_repository")
    body = b'{"ready": ' + lists(depth) + b"}"
    server.refuses(server.send("POST", "/v2/repository/index", body))
