"""B1: `Inference-Header-Content-Length`, and raw tensors under 0."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from .bodies import LENGTH, Request, read, request_of
from .datatypes import DATATYPES, encode

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server


@pytest.fixture(autouse=True)
def _binary(server: Server) -> None:
    server.needs("binary_tensor_data")


def test_b1_without_the_header_a_binary_part_is_no_json(
    server: Server, catalogue: Catalogue
) -> None:
    echo = catalogue.any()
    sent = request_of(echo.sample(), form="binary")
    server.refuses(server.infer(echo.model, Request(sent.body)))


@pytest.mark.parametrize("name", [LENGTH.lower(), LENGTH.upper(), LENGTH])
def test_b1_the_headers_case_does_not_matter(
    server: Server, catalogue: Catalogue, name: str
) -> None:
    echo = catalogue.any()
    sent = request_of(echo.sample(), form="binary")
    answer = server.infer(echo.model, Request(sent.body, {name: sent.headers[LENGTH]}))
    assert read(answer).outputs[0].raw == echo.sample().raw


def test_b1_a_body_may_be_all_json(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.any()
    body = request_of(echo.sample()).body
    answer = server.infer(echo.model, Request(body, {LENGTH: str(len(body))}))
    assert read(answer).outputs[0].raw == echo.sample().raw


WRONG = ["-1", "-99999999999", "abc", "1e2", "0x10", "12.5", "99999999999", "9" * 100, "+-5"]


@pytest.mark.parametrize("length", WRONG)
def test_b1_a_wrong_length_is_refused(server: Server, catalogue: Catalogue, length: str) -> None:
    echo = catalogue.any()
    body = request_of(echo.sample(), form="binary").body
    server.refuses(server.infer(echo.model, Request(body, {LENGTH: length})))


@pytest.mark.parametrize("beyond", [1, 1000])
def test_b1_a_length_beyond_the_body_is_refused(
    server: Server, catalogue: Catalogue, beyond: int
) -> None:
    echo = catalogue.any()
    body = request_of(echo.sample()).body
    server.refuses(server.infer(echo.model, Request(body, {LENGTH: str(len(body) + beyond)})))


@pytest.mark.parametrize("shift", [-1, 1])
def test_b1_a_length_that_cuts_elsewhere_is_refused(
    server: Server, catalogue: Catalogue, shift: int
) -> None:
    echo = catalogue.any()
    sent = request_of(echo.sample(), form="binary")
    length = str(int(sent.headers[LENGTH]) + shift)
    server.refuses(server.infer(echo.model, Request(sent.body, {LENGTH: length})))


@pytest.mark.parametrize("datatype", [name for name in DATATYPES if name != "BYTES"])
def test_b1_a_raw_body_is_one_row_and_is_answered_in_binary(
    server: Server, catalogue: Catalogue, datatype: str
) -> None:
    echo = catalogue.table(datatype)
    sent = echo.sample(rows=1)
    reply = read(server.infer(echo.model, Request(sent.raw, {LENGTH: "0"})))
    assert reply.outputs == [sent.named(echo.output.name)]
    assert reply.binary == {echo.output.name}
    assert "id" not in reply.document


def test_b1_a_raw_body_settles_one_open_size(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.echo("FP32", lambda shape: shape == (-1, -1), "of [-1,-1], rows first")
    answer = server.infer(echo.model, Request(struct.pack("<3f", 1, 2, 3), {LENGTH: "0"}))
    # Metadata does not say which axis is the batch's: without one there are two open sizes.
    if answer.status == 400:
        server.differs("the first axis is not the batch's here")
    assert read(answer).outputs[0].shape == (1, 3)


def test_b1_a_raw_text_is_the_string_itself(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.echo("BYTES", lambda shape: shape in ((1,), (-1, 1)), "of [-1,1] or [1]")
    text = "z\u017c \U0001f600".encode()
    reply = read(server.infer(echo.model, Request(text, {LENGTH: "0"})))
    assert reply.outputs[0].raw == encode("BYTES", [text])
    assert reply.binary == {echo.output.name}


def test_b1_a_raw_body_for_two_inputs_is_refused(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.pair()
    raw = b"".join(tensor.raw for tensor in echo.samples(rows=1))
    server.refuses(server.infer(echo.model, Request(raw, {LENGTH: "0"})))


def test_b1_a_raw_body_for_two_open_sizes_is_refused(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.echo("FP32", lambda shape: shape == (-1, -1, -1), "of [-1,-1,-1]")
    answer = server.infer(echo.model, Request(echo.sample(rows=1).raw, {LENGTH: "0"}))
    server.refuses(answer, naming=echo.input.name)


def test_b1_a_raw_text_for_more_than_one_element_is_refused(
    server: Server, catalogue: Catalogue
) -> None:
    echo = catalogue.echo("BYTES", lambda shape: shape == (-1, 2), "of [-1,2]")
    answer = server.infer(echo.model, Request(b"text", {LENGTH: "0"}))
    server.refuses(answer, naming=echo.input.name)


@pytest.mark.parametrize("size", [1, 7, 9])
def test_b1_a_raw_body_of_no_whole_row_is_refused(
    server: Server, catalogue: Catalogue, size: int
) -> None:
    echo = catalogue.echo("FP32", lambda shape: shape == (-1, 2), "of [-1,2]")
    answer = server.infer(echo.model, Request(b"\x00" * size, {LENGTH: "0"}))
    server.refuses(answer, naming=echo.input.name)
