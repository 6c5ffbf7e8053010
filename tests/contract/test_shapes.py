"""I6: empty tensors, scalars, and how many rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .bodies import FORMS, Tensor, read, request_of, sample
from .datatypes import DATATYPES

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server

# Rows to send where a model declares no maximum, or one that no request reaches.
MANY = 2000


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("datatype", ["FP32", "INT64", "BYTES"])
def test_i6_a_tensor_of_no_rows_comes_back(
    server: Server, catalogue: Catalogue, datatype: str, form: str
) -> None:
    echo = catalogue.table(datatype)
    if form == "binary":
        server.needs("binary_tensor_data")
    wish = {"binary_data_output": True} if form == "binary" else {}
    sent = echo.sample(rows=0)
    answer = server.infer(echo.model, request_of(sent, form=form, parameters=wish))
    # Triton counts rows from 1 where a model has a maximum.
    if answer.status == 400:
        server.differs("a batch of no rows is refused")
    assert read(answer).outputs == [sent.named(echo.output.name)]


@pytest.mark.parametrize("form", ["flat", "binary"])
def test_i6_a_scalar_comes_back(server: Server, catalogue: Catalogue, form: str) -> None:
    echo = catalogue.echo("FP32", lambda shape: shape == (), "of []")
    if form == "binary":
        server.needs("binary_tensor_data")
    sent = echo.sample()
    reply = server.reply(echo.model, request_of(sent, form=form))
    assert reply.outputs == [sent.named(echo.output.name)]


def test_i6_a_model_without_rows_takes_its_one_shape(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.echo("FP32", lambda shape: len(shape) == 1 and shape[0] > 0, "of [k]")
    sent = echo.sample()
    assert server.reply(echo.model, request_of(sent)).outputs == [sent.named(echo.output.name)]
    row = Tensor(sent.name, sent.datatype, (1, *sent.shape), sent.raw)
    server.refuses(server.infer(echo.model, request_of(row)), naming=sent.name)


@pytest.mark.parametrize("datatype", DATATYPES)
@pytest.mark.parametrize("rows", [1, 5])
def test_i6_a_batch_of_one_and_of_several(
    server: Server, catalogue: Catalogue, datatype: str, rows: int
) -> None:
    echo = catalogue.table(datatype)
    server.needs("binary_tensor_data")
    sent, wish = echo.sample(rows), {"binary_data_output": True}
    reply = server.reply(echo.model, request_of(sent, form="binary", parameters=wish))
    assert reply.outputs == [sent.named(echo.output.name)]


def test_i6_many_rows_come_back_up_to_the_models_maximum(
    server: Server, catalogue: Catalogue
) -> None:
    echo = catalogue.table()
    config = server.get(f"{echo.path}/config")
    most = config.json.get("max_batch_size", 0) if config.status == 200 else 0
    many = min(most or MANY, MANY)
    sent = echo.sample(many)
    assert server.reply(echo.model, request_of(sent)).outputs == [sent.named(echo.output.name)]
    if most == many:
        server.refuses(server.infer(echo.model, request_of(echo.sample(many + 1))))


def test_i6_inputs_that_disagree_on_their_rows_are_refused(
    server: Server, catalogue: Catalogue
) -> None:
    echo = catalogue.pair()
    first, second, *_ = echo.model.inputs
    if first.shape[:1] != (-1,) or second.shape[:1] != (-1,):
        server.lacks("no model takes two inputs with rows: publish one of [-1,2] and [-1,3]")
    request = request_of(
        sample(first.name, first.datatype, first.concrete(2)),
        sample(second.name, second.datatype, second.concrete(3)),
    )
    # Where inputs have no rows in common, as without Triton's max_batch_size, this is no error.
    server.differs("whether two inputs share their rows is the model's affair")
    server.refuses(server.infer(echo.model, request), naming=second.name)
