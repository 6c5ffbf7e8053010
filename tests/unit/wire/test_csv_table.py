"""Tables as CSV."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infermeter.wire.csv_table import csv_table

# Lone surrogates have no bytes; a NUL is no text in a table.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(st.tuples(texts, st.integers()), max_size=5))
def test_what_was_written_is_read_back(rows: list[tuple[str, int]]) -> None:
    read = list(csv.reader(io.StringIO(csv_table(["a", "b"], rows).decode(), newline="")))
    assert read[0] == ["a", "b"]
    for (text, number), cells in zip(rows, read[1:], strict=True):
        assert cells[0].removeprefix("'") == text.removeprefix("'")
        assert cells[1] == str(number)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_text_begins_a_formula(text: str) -> None:
    ((cell,),) = csv.reader(io.StringIO(csv_table([text], []).decode() + "", newline=""))
    assert cell == text  # a column's name is ours
    _, (cell,) = csv.reader(io.StringIO(csv_table(["a"], [[text]]).decode(), newline=""))
    assert cell == f"'{text}"


def test_negative_numbers_none_and_booleans() -> None:
    assert csv_table(["a", "b", "c", "d"], [[-5, None, True, False]]) == (
        b"a,b,c,d\r\n-5,,true,false\r\n"
    )
