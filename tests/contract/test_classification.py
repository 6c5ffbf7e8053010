"""C1: the classification extension: `<value>:<index>[:<label>]`, the greatest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .bodies import Tensor, request_of
from .datatypes import encode
from .fixtures import LABELLED, LABELS

if TYPE_CHECKING:
    from .bodies import Reply
    from .discovery import Catalogue, Echo
    from .server import Server

# Distinct, and exact in every datatype; of each pair or more, the last is the greatest.
SCORES = [1, 3, 2, 9, 4, 11, 5, 12]


@pytest.fixture(autouse=True)
def _classification(server: Server) -> None:
    server.needs("classification")


def scores(echo: Echo, rows: int = 2) -> Tensor:
    """Scores in a shape of the echo's."""
    shape = echo.input.concrete(rows)
    count = 1
    for size in shape:
        count *= size
    values = (SCORES * count)[:count]
    return Tensor(echo.input.name, echo.datatype, shape, encode(echo.datatype, values))


def ranked(row: list[Any], n: int, datatype: str) -> list[tuple[str, int]]:
    """The n greatest, as `%f` or plain integers, with their places."""
    places = sorted(range(len(row)), key=lambda place: -row[place])[:n]
    whole = "INT" in datatype
    return [(str(row[place]) if whole else f"{row[place]:f}", place) for place in places]


def classify(
    server: Server, echo: Echo, sent: Tensor, n: Any, form: str = "json", **parameters: Any
) -> Reply:
    wish = {"classification": n, **parameters} | ({"binary_data": True} if form == "binary" else {})
    outputs = [{"name": echo.output.name, "parameters": wish}]
    return server.reply(echo.model, request_of(sent, outputs=outputs))


def parts(output: Tensor) -> list[tuple[str, int]]:
    """Value and index of each element; a label may follow."""
    found = [value.decode().split(":", 2) for value in output.values]
    return [(value, int(index)) for value, index, *_ in found]


@pytest.mark.parametrize("form", ["json", "binary"])
@pytest.mark.parametrize("datatype", ["FP32", "INT32", "FP64", "FP16", "UINT8", "INT64"])
@pytest.mark.parametrize("n", [1, 2])
def test_c1_the_greatest_of_each_row_come_first(
    server: Server, catalogue: Catalogue, datatype: str, n: int, form: str
) -> None:
    if form == "binary":
        server.needs("binary_tensor_data")
    echo = catalogue.table(datatype)
    if datatype == "FP16":
        # Triton's list of types for this leaves it out.
        server.differs("classification of FP16 is ours")
    sent = scores(echo, rows=2)
    (output,) = classify(server, echo, sent, n, form).outputs
    width, values = sent.shape[1], sent.values
    assert (output.datatype, output.shape) == ("BYTES", (2, n))
    rows = [values[:width], values[width:]]
    assert parts(output) == [each for row in rows for each in ranked(row, n, datatype)]


def test_c1_without_a_batch_the_shape_is_n(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.echo("FP32", lambda shape: len(shape) == 1 and shape[0] > 1, "of [k]")
    sent = scores(echo)
    (output,) = classify(server, echo, sent, 2).outputs
    assert (output.datatype, output.shape) == ("BYTES", (2,))
    assert parts(output) == ranked(sent.values, 2, "FP32")


@pytest.mark.parametrize("more", [1, 1000, 10**6])
def test_c1_more_than_there_are_classes_gives_all(
    server: Server, catalogue: Catalogue, more: int
) -> None:
    echo = catalogue.table()
    sent = scores(echo, rows=1)
    width = sent.shape[1]
    (output,) = classify(server, echo, sent, width + more).outputs
    assert output.shape == (1, width)
    assert parts(output) == ranked(sent.values, width, "FP32")


def test_c1_negative_values_are_ranked_too(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.table("INT32")
    width = echo.input.shape[1]
    values = [-5 - place for place in range(width)]
    sent = Tensor(echo.input.name, "INT32", (1, width), encode("INT32", values))
    (output,) = classify(server, echo, sent, width).outputs
    assert parts(output) == ranked(values, width, "INT32")


def test_c1_a_label_follows_its_index(server: Server, catalogue: Catalogue) -> None:
    echo = next((each for each in catalogue.echoes if each.model.name == LABELLED), None)
    if echo is None:
        server.lacks(f"labels are known for {LABELLED} alone: publish it")
    sent = scores(echo, rows=2)
    (output,) = classify(server, echo, sent, 4).outputs
    found = [value.decode().split(":") for value in output.values]
    assert [len(each) for each in found] == [3] * 8
    assert all(LABELS[int(index)] == label for _, index, label in found)


def test_c1_a_model_without_labels_has_no_third_part(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.table("INT32")
    if not echo.model.name.startswith("contract-"):
        pytest.skip("whether a model has labels is known for the suite's own alone")
    (output,) = classify(server, echo, scores(echo), 1).outputs
    assert all(value.count(b":") == 1 for value in output.values)


def test_c1_only_the_output_that_asks_is_classified(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.pair()
    first, second, *_ = echo.model.outputs
    outputs = [{"name": first.name, "parameters": {"classification": 1}}, {"name": second.name}]
    reply = server.reply(echo.model, request_of(*echo.samples(), outputs=outputs))
    assert reply.output(first.name).datatype == "BYTES"
    assert reply.output(second.name).raw == echo.samples()[1].raw


def test_c1_bytes_are_not_ranked(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.table("BYTES")
    outputs = [{"name": echo.output.name, "parameters": {"classification": 1}}]
    answer = server.infer(echo.model, request_of(echo.sample(), outputs=outputs))
    server.refuses(answer, naming=echo.output.name)


@pytest.mark.parametrize("n", [-1, 1.5, "2", True, [1], 2**64], ids=repr)
def test_c1_a_count_that_is_none_is_refused(server: Server, catalogue: Catalogue, n: Any) -> None:
    echo = catalogue.table()
    outputs = [{"name": echo.output.name, "parameters": {"classification": n}}]
    server.refuses(server.infer(echo.model, request_of(scores(echo), outputs=outputs)))


def test_c1_a_nan_is_ranked_without_a_fall(server: Server, catalogue: Catalogue) -> None:
    server.needs("binary_tensor_data")
    echo = catalogue.table()
    width = echo.input.shape[1]
    values = [float("nan"), *range(1, width)]
    sent = Tensor(echo.input.name, "FP32", (1, width), encode("FP32", values))
    outputs = [{"name": echo.output.name, "parameters": {"classification": width}}]
    reply = server.reply(echo.model, request_of(sent, form="binary", outputs=outputs))
    assert {index for _, index in parts(reply.outputs[0])} == set(range(width))
