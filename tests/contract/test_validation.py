"""I5: what does not fit the model is refused, and the message names the input."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .bodies import Request, request, request_of
from .datatypes import INTEGERS, limits

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server

NOT_BODIES = [
    b"",
    b"{",
    b"[]",
    b"5",
    b'"inputs"',
    b"null",
    b"{} {}",
    b"\xff\xfe",
    b'{"inputs":[NaN]}',
]


@pytest.mark.parametrize("body", NOT_BODIES, ids=repr)
def test_i5_what_is_no_json_object_is_refused(
    server: Server, catalogue: Catalogue, body: bytes
) -> None:
    server.refuses(server.infer(catalogue.any().model, Request(body)))


@pytest.mark.parametrize("fields", [{}, {"inputs": []}, {"inputs": {}}, {"inputs": [5]}], ids=repr)
def test_i5_without_inputs_a_request_is_refused(
    server: Server, catalogue: Catalogue, fields: dict[str, Any]
) -> None:
    body = json.dumps(fields).encode()
    server.refuses(server.infer(catalogue.any().model, Request(body)))


def test_i5_a_missing_input_is_named(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.pair()
    first, second, *_ = echo.samples()
    server.refuses(server.infer(echo.model, request_of(first)), naming=second.name)
    server.refuses(server.infer(echo.model, request_of(second)), naming=first.name)


def test_i5_an_extra_input_is_named(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.any()
    sent = echo.sample()
    answer = server.infer(echo.model, request_of(sent, sent.named("stranger")))
    server.refuses(answer, naming="stranger")


def test_i5_an_input_given_twice_is_named(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.any()
    sent = echo.sample()
    server.refuses(server.infer(echo.model, request_of(sent, sent)), naming=sent.name)


FIELDS = [
    ("an unknown datatype", {"datatype": "FP31"}),
    ("a datatype in lower case", {"datatype": "fp32"}),
    ("a datatype that is no string", {"datatype": 5}),
    ("another datatype than the model's", {"datatype": "INT32", "data": [1, 2, 3, 4]}),
    ("no shape", {"shape": None}),
    ("a shape that is no list", {"shape": "2,2"}),
    ("a rank too low", {"shape": [4]}),
    ("a rank too high", {"shape": [1, 2, 2]}),
    ("a negative size", {"shape": [-2, -2]}),
    ("a size of -1", {"shape": [-1, 2]}),
    ("a size with a fraction", {"shape": [2.5, 2]}),
    ("a size as a string", {"shape": ["2", 2]}),
    ("a size as a boolean", {"shape": [True, 2]}),
    ("a size as null", {"shape": [None, 2]}),
    ("sizes of 2^60", {"shape": [2**60, 2**60]}),
    ("sizes whose product is 0 in 64 bits", {"shape": [2**32, 2**32], "data": []}),
    ("a size of 2^63", {"shape": [2**63, 2], "data": []}),
    ("a size of 2^64 + 2", {"shape": [2**64 + 2, 2]}),
    ("a size beyond memory beside 0", {"shape": [0, 2**62], "data": []}),
    ("a thousand sizes", {"shape": [1] * 1000}),
    ("too few elements", {"data": [1.0, 2.0, 3.0]}),
    ("too many elements", {"data": [1.0, 2.0, 3.0, 4.0, 5.0]}),
    ("no elements", {"data": []}),
    ("ragged lists", {"data": [[1.0, 2.0, 3.0], [4.0]]}),
    ("a number beside a list", {"data": [[1.0, 2.0], 3.0]}),
    ("strings", {"data": ["1.0", "2.0", "3.0", "4.0"]}),
    ("a boolean among numbers", {"data": [1.0, 2.0, 3.0, True]}),
    ("an object among numbers", {"data": [1.0, 2.0, 3.0, {}]}),
    ("data that is no list", {"data": 5.0}),
    ("data as an object", {"data": {"0": 1.0}}),
    ("parameters that are no object", {"parameters": 5}),
    ("a parameter that is a list", {"parameters": {"a": [1]}}),
]


@pytest.mark.parametrize("changes", [case[1] for case in FIELDS], ids=[case[0] for case in FIELDS])
def test_i5_a_wrong_field_is_refused_and_its_input_named(
    server: Server, catalogue: Catalogue, changes: dict[str, Any]
) -> None:
    echo = catalogue.echo("FP32", lambda shape: shape == (-1, 2), "of [-1,2]")
    entry = echo.sample(rows=2).entry(data=[1.0, 2.0, 3.0, 4.0])
    answer = server.infer(echo.model, request([entry | changes]))
    # `parameters` are the request's own affair: their place may be named instead of the tensor.
    naming = "" if "parameters" in changes else echo.input.name
    server.refuses(answer, naming=naming)


def test_i5_neither_data_nor_binary_data_is_refused(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.any()
    entry = echo.sample().entry()
    del entry["data"]
    server.refuses(server.infer(echo.model, request([entry])), naming=echo.input.name)


@pytest.mark.parametrize("name", [None, 5, "", []], ids=repr)
def test_i5_an_input_without_a_name_is_refused(
    server: Server, catalogue: Catalogue, name: object
) -> None:
    echo = catalogue.any()
    server.refuses(server.infer(echo.model, request([echo.sample().entry(name=name)])))


def test_i5_a_wrong_fixed_size_is_refused_and_its_input_named(
    server: Server, catalogue: Catalogue
) -> None:
    echo = catalogue.table()
    wide = (2, echo.input.shape[1] + 1)
    entry = echo.sample().entry(shape=list(wide), data=[0.5] * (wide[0] * wide[1]))
    server.refuses(server.infer(echo.model, request([entry])), naming=echo.input.name)


@pytest.mark.parametrize("datatype", INTEGERS)
@pytest.mark.parametrize("value", [1.5, 2.0, True, "1", None], ids=repr)
def test_i5_an_integer_tensor_holds_integers(
    server: Server, catalogue: Catalogue, datatype: str, value: object
) -> None:
    echo = catalogue.echo(datatype)
    data = [1] * (len(echo.sample().values) - 1)
    answer = server.infer(echo.model, request([echo.sample().entry(data=[*data, value])]))
    # OIP lets a server coerce; what must not be is a value lost without a word, as 1.5 would be.
    if answer.status == 200 and value in (2.0, True, "1"):
        server.differs(f"coerces {value!r} to an integer")
    server.refuses(answer, naming=echo.input.name)


@pytest.mark.parametrize("datatype", INTEGERS)
@pytest.mark.parametrize("beyond", ["low", "high", "far"])
def test_i5_an_integer_out_of_range_is_refused(
    server: Server, catalogue: Catalogue, datatype: str, beyond: str
) -> None:
    low, high = limits(datatype)
    value = {"low": low - 1, "high": high + 1, "far": 10**30}[beyond]
    echo = catalogue.echo(datatype)
    data = [1] * (len(echo.sample().values) - 1)
    answer = server.infer(echo.model, request([echo.sample().entry(data=[value, *data])]))
    server.refuses(answer, naming=echo.input.name)


@pytest.mark.parametrize("value", [1, 0, "true", 1.0, None], ids=repr)
def test_i5_a_bool_tensor_holds_booleans(
    server: Server, catalogue: Catalogue, value: object
) -> None:
    echo = catalogue.echo("BOOL")
    data = [True] * (len(echo.sample().values) - 1)
    answer = server.infer(echo.model, request([echo.sample().entry(data=[*data, value])]))
    if answer.status == 200:
        server.differs(f"coerces {value!r} to a boolean, as OIP allows")
    server.refuses(answer, naming=echo.input.name)


@pytest.mark.parametrize("value", [1, 1.5, True, None, {}], ids=repr)
def test_i5_a_bytes_tensor_holds_strings(
    server: Server, catalogue: Catalogue, value: object
) -> None:
    echo = catalogue.echo("BYTES")
    data = ["a"] * (len(echo.sample().values) - 1)
    answer = server.infer(echo.model, request([echo.sample().entry(data=[*data, value])]))
    if answer.status == 200:
        server.differs(f"coerces {value!r} to a string, as OIP allows")
    server.refuses(answer, naming=echo.input.name)


@pytest.mark.parametrize(
    ("datatype", "value"), [("FP16", 1e5), ("BF16", 1e39), ("FP32", 1e39)], ids=str
)
def test_i5_a_finite_number_does_not_become_infinite(
    server: Server, catalogue: Catalogue, datatype: str, value: float
) -> None:
    echo = catalogue.echo(datatype)
    data = [1.0] * (len(echo.sample().values) - 1)
    answer = server.infer(echo.model, request([echo.sample().entry(data=[*data, value])]))
    server.refuses(answer, naming=echo.input.name)


PARAMETERS: list[dict[str, Any]] = [
    {"parameters": 5},
    {"parameters": {"a": [1]}},
    {"parameters": {"binary_data_output": "yes"}},
]


@pytest.mark.parametrize("fields", PARAMETERS, ids=repr)
def test_i5_parameters_are_strings_numbers_or_booleans(
    server: Server, catalogue: Catalogue, fields: dict[str, Any]
) -> None:
    echo = catalogue.any()
    server.refuses(server.infer(echo.model, request_of(echo.sample(), **fields)))


def test_i5_unknown_fields_and_parameters_are_ignored(server: Server, catalogue: Catalogue) -> None:
    echo = catalogue.any()
    # kserve always sends model_name; parameters that a model does not know mean nothing to it.
    fields = {"model_name": "other", "unheard": [1], "parameters": {"mine": 7, "priority": 1}}
    reply = server.reply(echo.model, request_of(echo.sample(), **fields))
    assert reply.outputs[0].raw == echo.sample().raw


def test_i5_a_sequence_is_refused_by_a_model_without_one(
    server: Server, catalogue: Catalogue
) -> None:
    server.differs("what a stateless model does with sequence_id is the server's affair")
    echo = catalogue.any()
    request = request_of(echo.sample(), parameters={"sequence_id": 3, "sequence_start": True})
    assert "sequence" in server.refuses(server.infer(echo.model, request), 400, 501)
