"""In which format an answer is wanted."""

from __future__ import annotations

import pytest

from infermeter.api.negotiation import Format, negotiate
from infermeter.errors import InvalidField
from infermeter.wire.http import HttpRequest


def chosen(accept: str | None = None, **query: list[str]) -> Format:
    headers = {} if accept is None else {"accept": accept}
    request = HttpRequest("GET", "/v1/usage", headers, b"", "id", 0, query)
    return negotiate(request, Format.JSON, Format.CSV, Format.HTML)


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        (None, Format.JSON),
        ("", Format.JSON),
        ("*/*", Format.JSON),
        ("text/csv", Format.CSV),
        ("TEXT/CSV; header=present", Format.CSV),
        ("text/*", Format.CSV),
        ("application/json;q=0.5, text/csv", Format.CSV),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format.HTML),
        ("text/csv;q=0, text/html;q=0.1, */*;q=0", Format.HTML),
        ("image/png", Format.JSON),
        ("text/csv;q=x", Format.JSON),
    ],
)
def test_accept(accept: str | None, format: Format) -> None:
    assert chosen(accept) is format


def test_a_format_that_is_named_wins() -> None:
    assert chosen("text/csv", format=["html"]) is Format.HTML


@pytest.mark.parametrize("named", [["xml"], ["CSV"], [""], ["csv", "json"]])
def test_another_format_is_refused(named: list[str]) -> None:
    with pytest.raises(InvalidField, match="one of json, csv, html"):
        chosen(format=named)
