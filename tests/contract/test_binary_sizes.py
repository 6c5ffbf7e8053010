"""B2: `binary_data_size` against the tensor and against the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .bodies import request

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server


@pytest.fixture(autouse=True)
def _binary(server: Server) -> None:
    server.needs("binary_tensor_data")


@pytest.mark.parametrize("tail", [b"", b"\x00" * 15, b"\x00" * 17, b"\x00" * 1000], ids=len)
def test_b2_a_tail_of_another_size_than_declared_is_refused(
    server: Server, catalogue: Catalogue, tail: bytes
) -> None:
    echo = catalogue.echo("FP32", lambda shape: shape == (-1, 2), "of [-1,2]")
    server.refuses(server.infer(echo.model, request([echo.sample().entry("binary")], tail=tail)))


@pytest.mark.parametrize("size", [0, 4, 12, 20, 32])
def test_b2_a_size_that_is_not_the_shapes_is_refused(
    server: Server, catalogue: Catalogue, size: int
) -> None:
    echo = catalogue.echo("FP32", lambda shape: shape == (-1, 2), "of [-1,2]")
    entry = echo.sample().entry("binary", parameters={"binary_data_size": size})
    answer = server.infer(echo.model, request([entry], tail=b"\x00" * size))
    server.refuses(answer, naming=echo.input.name)


@pytest.mark.parametrize("size", [-1, -16, 2**62, 2**64, "16", 16.5, True, [16]], ids=repr)
def test_b2_a_size_that_is_none_is_refused(server: Server, catalogue: Catalogue, size: Any) -> None:
    echo = catalogue.echo("FP32", lambda shape: shape == (-1, 2), "of [-1,2]")
    sent = echo.sample()
    entry = sent.entry("binary", parameters={"binary_data_size": size})
    server.refuses(server.infer(echo.model, request([entry], tail=sent.raw)))


def test_b2_two_sizes_that_only_sum_up_are_refused(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.pair()
    first, second, *_ = sent = echo.samples()
    entries = [tensor.entry("binary") for tensor in sent]
    entries[0]["parameters"] = {"binary_data_size": len(first.raw) + 4}
    entries[1]["parameters"] = {"binary_data_size": len(second.raw) - 4}
    tail = b"".join(tensor.raw for tensor in sent)
    server.refuses(server.infer(echo.model, request(entries, tail=tail)), naming=first.name)


@pytest.mark.parametrize("value", [2, 255])
def test_b2_a_byte_that_is_no_bool_is_refused_or_true(
    server: Server, catalogue: Catalogue, value: int
) -> None:
    echo = catalogue.echo("BOOL")
    sent = echo.sample(rows=1)
    answer = server.infer(
        echo.model, request([sent.entry("binary")], tail=bytes([value]) * len(sent.raw))
    )
    # A BOOL byte is 0 or 1; Triton hands others to the model as they are.
    if answer.status == 200:
        server.differs("takes any byte for a BOOL")
    server.refuses(answer, naming=echo.input.name)
