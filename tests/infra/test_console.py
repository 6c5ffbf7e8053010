"""What commands print as tables."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from infra.cli import console


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal of 40 columns shows."""
    text = io.StringIO()
    terminal = Console(file=text, width=40, force_terminal=True, color_system=None)
    monkeypatch.setattr(console, "out", terminal)
    return text


def test_what_looks_like_markup_is_printed_as_it_is(screen: io.StringIO) -> None:
    console.print_table("[b]of[/a]", ["why"], [["[/b] and [red]"]])
    assert "[b]of[/a]" in screen.getvalue()
    assert "[/b] and [red]" in screen.getvalue()


def test_on_a_narrow_screen_nothing_is_cut_off(screen: io.StringIO) -> None:
    console.print_table("t", ["a", "b", "c"], [["x" * 30, "y" * 30, "z" * 30]])
    shown = screen.getvalue()
    assert [shown.count(letter) for letter in "xyz"] == [30, 30, 30]
    assert "…" not in shown


def test_into_a_pipe_each_row_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table("t", ["a", "b"], [["x" * 100, "y" * 100]])
    assert "x" * 100 + " │ " + "y" * 100 in capsys.readouterr().out


def test_numbers_are_grouped_and_a_truth_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table("t", ["a", "b"], [[1234, True]])
    assert "1,234 │ True" in capsys.readouterr().out
