"""I3: the request's own id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .bodies import read, request_of

if TYPE_CHECKING:
    from .discovery import Catalogue
    from .server import Server

IDS = ["42", "a b/c", "\u017c\u00f3\u0142\u0107 \U0001f600", 'quo"te\\']


@pytest.mark.parametrize("utf8", [False, True], ids=["escaped", "utf-8"])
@pytest.mark.parametrize("form", ["flat", "binary"])
@pytest.mark.parametrize("id", IDS, ids=["number", "punctuation", "non-ascii", "quotes"])
def test_i3_the_id_is_echoed(
    server: Server, catalogue: Catalogue, id: str, form: str, utf8: bool
) -> None:
    echo = catalogue.any()
    if form == "binary":
        server.needs("binary_tensor_data")
    sent = request_of(echo.sample(), form=form, id=id, utf8=utf8)
    assert server.reply(echo.model, sent).document.get("id") == id


def test_i3_the_json_part_of_an_answer_is_measured_in_bytes(
    server: Server, catalogue: Catalogue
) -> None:
    server.needs("binary_tensor_data")
    echo = catalogue.any()
    wish = {"binary_data_output": True}
    reply = server.reply(
        echo.model, request_of(echo.sample(), id="\u017c" * 20, parameters=wish, utf8=True)
    )
    assert reply.output(echo.output.name).raw == echo.sample().raw


@pytest.mark.parametrize("fields", [{}, {"id": ""}], ids=["absent", "empty"])
def test_i3_without_an_id_none_is_echoed(
    server: Server, catalogue: Catalogue, fields: dict[str, str]
) -> None:
    echo = catalogue.any()
    answer = server.infer(echo.model, request_of(echo.sample(), **fields))
    # MLServer invents one; OIP: "id" in a response only if it was in the request.
    assert "id" not in read(answer).document


@pytest.mark.parametrize("id", [5, [], {}, True], ids=repr)
def test_i3_an_id_that_is_no_string_is_refused(
    server: Server, catalogue: Catalogue, id: object
) -> None:
    echo = catalogue.any()
    # Triton takes an integer, and echoes it as a string.
    answer = server.infer(echo.model, request_of(echo.sample(), id=id))
    if answer.status == 200:
        server.differs("an id that is no string is taken")
    server.refuses(answer)
