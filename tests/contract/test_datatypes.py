"""I1: every datatype, in every form, there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .bodies import FORMS, read, request, request_of
from .datatypes import BINARY_ONLY, DATATYPES, FLOATS

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server


@pytest.mark.parametrize("back", ["json", "binary"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("datatype", DATATYPES)
def test_i1_a_tensor_comes_back_bit_for_bit(
    server: Server, catalogue: Catalogue, datatype: str, form: str, back: str
) -> None:
    echo = catalogue.echo(datatype)
    if "binary" in (form, back):
        server.needs("binary_tensor_data")
    sent = echo.sample(rows=3)
    wanted = [{"name": echo.output.name, "parameters": {"binary_data": back == "binary"}}]
    answer = server.infer(
        echo.model, request_of(sent, form=form, outputs=wanted if "binary" in (form, back) else [])
    )
    if answer.status == 400 and datatype in BINARY_ONLY and (form, back) != ("binary", "binary"):
        server.differs(f"refuses {datatype} in JSON, as Triton and KServe do")
    reply = read(answer)
    assert reply.output(echo.output.name) == sent.named(echo.output.name)
    assert bool(reply.binary) == (back == "binary")


@pytest.mark.parametrize("datatype", FLOATS)
def test_i1_integers_are_numbers_too(server: Server, catalogue: Catalogue, datatype: str) -> None:
    echo = catalogue.echo(datatype)
    sent = echo.sample()
    whole = [index - 1 for index in range(len(sent.values))]
    answer = server.infer(echo.model, request([sent.entry(data=whole)]))
    if answer.status == 400 and datatype in BINARY_ONLY:
        server.differs(f"refuses {datatype} in JSON, as Triton and KServe do")
    assert read(answer).outputs[0].values == whole


def test_i1_ours_answers_flat_data(server: Server, catalogue: Catalogue) -> None:
    server.differs("OIP allows nested data in an answer; Triton and KServe answer it flat")
    echo = catalogue.table()
    (output,) = server.infer(echo.model, request_of(echo.sample(), form="nested")).json["outputs"]
    assert not any(isinstance(value, list) for value in output["data"])


@pytest.mark.parametrize(("datatype", "digits"), [("FP32", b"0.1"), ("FP16", b"0.1")])
def test_i1_ours_writes_the_shortest_digits(
    server: Server, catalogue: Catalogue, datatype: str, digits: bytes
) -> None:
    server.differs("how many digits a server writes is its own affair")
    echo = catalogue.table(datatype)
    sent = echo.sample(rows=1)
    body = request([sent.entry(data=[0.1] * len(sent.values))])
    answer = server.infer(echo.model, body)
    assert b"[" + b",".join([digits] * len(sent.values)) + b"]" in answer.body


@pytest.mark.parametrize("content_type", [None, "application/json", "application/octet-stream"])
def test_i1_the_content_type_does_not_matter(
    server: Server, catalogue: Catalogue, content_type: str | None
) -> None:
    echo = catalogue.any()
    sent = echo.sample()
    headers = {"Content_Type": content_type} if content_type else {}
    answer = server.infer(echo.model, request_of(sent), **headers)
    assert read(answer).outputs == [sent.named(echo.output.name)]
