"""Reading a figure again."""

from __future__ import annotations

import re
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def read(picture: bytes) -> ElementTree.Element:
    """The picture, once it is seen that everything has a place inside it."""
    root = ElementTree.fromstring(picture)  # noqa: S314  our own
    width, height = float(root.get("width")), float(root.get("height"))
    for x, y in points(root):
        assert -0.01 <= x <= width + 0.01, (x, y)
        assert -0.01 <= y <= height + 0.01, (x, y)
    return root


def texts(root: ElementTree.Element) -> list[str]:
    """What is written, in the order of the file."""
    return [element.text for element in root.iter(f"{SVG}text")]


def lines(root: ElementTree.Element, colour: str) -> list[list[tuple[float, float]]]:
    """The corners of every polyline of a colour."""
    return [
        _corners(element)
        for element in root.iter(f"{SVG}polyline")
        if element.get("stroke") == colour
    ]


def points(root: ElementTree.Element) -> list[tuple[float, float]]:
    """Where anything is."""
    found = [corner for element in root.iter(f"{SVG}polyline") for corner in _corners(element)]
    for x, y in (("x", "y"), ("cx", "cy"), ("x1", "y1"), ("x2", "y2")):
        found += [
            (float(element.get(x)), float(element.get(y)))
            for element in root.iter()
            if element.get(x)
        ]
    return found


def _corners(element: ElementTree.Element) -> list[tuple[float, float]]:
    numbers = [float(text) for text in re.split(r"[ ,]", element.get("points", ""))]
    return list(zip(numbers[::2], numbers[1::2], strict=True))
