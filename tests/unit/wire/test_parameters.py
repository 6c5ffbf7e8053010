"""Query strings whose parameters are misspelled."""

from __future__ import annotations

import pytest

from infermeter.errors import InvalidField
from infermeter.wire.parameters import Parameters


def test_a_name_that_is_not_known_is_told_with_those_that_are() -> None:
    with pytest.raises(InvalidField, match='query: expected parameters among from, to, got "form"'):
        Parameters({"form": ["2026-01-01"]}, ("from", "to"))


def test_where_none_is_known_none_is_expected() -> None:
    with pytest.raises(InvalidField, match='query: expected no parameter, got "x"'):
        Parameters({"x": ["1"]}, ())
