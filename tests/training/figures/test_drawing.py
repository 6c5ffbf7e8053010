"""Axes, and panels in their units."""

from __future__ import annotations

import math

import pytest

from tests.training.figures.pictures import SVG, lines, read, texts
from training.figures.drawing import BLUE, Axis, Panel, Picture, axis


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-0.1, 0.1, ["-0.10", "-0.05", "0.00", "0.05", "0.10"]),
        (0, 3000, ["0", "500", "1000", "1500", "2000", "2500", "3000"]),
        (3, 51, ["10", "20", "30", "40", "50"]),
        (0.001, 0.0019, ["0.0010", "0.0012", "0.0014", "0.0016", "0.0018"]),
    ],
)
def test_marks_are_round_numbers(low: float, high: float, labels: list[str]):
    assert [label for _, label in Axis("", low, high).marks()] == labels


def test_counts_have_no_fractions():
    assert [label for _, label in Axis("", 0, 3, whole=True).marks()] == ["0", "1", "2", "3"]


def test_axis_holds_all_values_and_ends_at_marks():
    found = axis("", [0.31, 0.97, math.nan, math.inf])
    marks = [value for value, _ in found.marks()]
    assert (found.low, found.high) == pytest.approx((marks[0], marks[-1]))
    assert found.low <= 0.31 < 0.97 <= found.high


@pytest.mark.parametrize("values", [[], [5.0], [5.0, 5.0], [0.0], [1e-12], [-1e6, -1e6]])
def test_axis_of_hardly_anything_has_a_width(values: list[float]):
    found = axis("", values)
    assert found.high > found.low
    assert len(found.marks()) > 1


def drawn() -> tuple[Picture, Panel]:
    picture = Picture(300, 200, "a & b")
    across, up = Axis("epoch", 0, 10), Axis("loss", 0, 2)
    return picture, Panel(picture, 0, 0, 300, 200, "<title>", across, up)


def test_up_is_up_and_right_is_right():
    _, panel = drawn()
    (left, bottom), (right, top) = panel.at(0, 0), panel.at(10, 2)
    assert left < right
    assert bottom > top
    assert panel.at(5, 1) == pytest.approx(((left + right) / 2, (top + bottom) / 2))


def test_what_is_not_a_number_leaves_a_gap():
    picture, panel = drawn()
    panel.line([(0, 1), (1, 1), (2, math.nan), (3, 1), (4, 2)], BLUE)
    before, after = lines(read(picture.svg()), BLUE)
    assert (len(before), len(after)) == (2, 2)
    assert after[0] == pytest.approx(panel.at(3, 1), abs=0.01)


def test_text_is_text_whatever_it_holds():
    picture, panel = drawn()
    panel.legend("R & D > 'x'", BLUE)
    root = read(picture.svg())
    assert root.find(f"{SVG}title").text == "a & b"
    assert {"<title>", "epoch", "loss", "R & D > 'x'", "0.5", "10"} <= set(texts(root))
