"""Panels with axes, and what is drawn in them, as SVG text.

Written by hand because the job's image has no plotting library and, isolated from the network,
gets none; and because a library's files hold its version, times and random names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Points = Sequence[tuple[float, float]]

# Told apart by those who do not see all colours. M. Okabe and K. Ito, Color Universal Design
# (2008).
BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9"
GREY, GRID, INK = "#767676", "#e4e4e4", "#222222"
FONT_SIZE = 12
# Of a character of this font, on average, as a share of its size.
_CHARACTER = 0.56
_TICKS = 6
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 52, 46


@dataclass(frozen=True, slots=True)
class Axis:
    """`whole` is for counts; `names` are those of the parts from 0 to 1, to 2 and so on."""

    label: str
    low: float
    high: float
    whole: bool = False
    names: tuple[str, ...] = ()

    @property
    def step(self) -> float:
        """Between two marks: 1, 2 or 5 times a power of ten."""
        rough = (self.high - self.low) / _TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if rough <= power * factor * 1.001)
        return max(1.0, step) if self.whole else step

    def marks(self) -> list[tuple[float, str]]:
        """Where a number or a name stands, and what it is."""
        if self.names:
            return [(number + 0.5, name) for number, name in enumerate(self.names)]
        step = self.step
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        # Adding zero takes the sign from a negative one.
        values = (number * step + 0.0 for number in range(first, last + 1))
        return [(value, f"{value:.{decimals}f}") for value in values]


def axis(label: str, values: Iterable[float], *, whole: bool = False) -> Axis:
    """One that holds all the values that are numbers, and ends at marks."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    step = Axis(label, low, high, whole).step
    return Axis(label, math.floor(low / step) * step, math.ceil(high / step) * step, whole)


@dataclass(slots=True)
class Picture:
    """A drawing of this size in pixels, on white; `title` is read out where it cannot be seen."""

    width: float
    height: float
    title: str
    parts: list[str] = field(default_factory=list)

    def add(self, tag: str, content: str | None = None, /, **attributes: float | str) -> None:
        """An element; `_` in a name stands for `-`."""
        given = "".join(
            f' {name.rstrip("_").replace("_", "-")}="{_text(value)}"'
            for name, value in attributes.items()
        )
        end = "/>" if content is None else f">{escape(content)}</{tag}>"
        self.parts.append(f"<{tag}{given}{end}")

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        anchor: str = "start",
        size: int = FONT_SIZE,
        turn: float = 0,
        **more: str,
    ) -> None:
        """Text whose baseline starts, ends or has its middle here, turned by degrees."""
        turned = {"transform": f"rotate({_text(turn)} {_text(x)} {_text(y)})"} if turn else {}
        given: dict[str, float | str] = {"text_anchor": anchor, "font_size": size, **turned, **more}
        self.add("text", text, x=x, y=y, **given)

    def svg(self) -> bytes:
        """The file."""
        size = f'width="{_text(self.width)}" height="{_text(self.height)}"'
        view = f'viewBox="0 0 {_text(self.width)} {_text(self.height)}" role="img"'
        font = f'font-family="Helvetica, Arial, sans-serif" fill="{INK}"'
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} {font}>',
            f"<title>{escape(self.title)}</title>",
            f'<rect {size} fill="#ffffff"/>',
            *self.parts,
            "</svg>",
        ]
        return ("\n".join(lines) + "\n").encode()


@dataclass(slots=True)
class Panel:
    """A plot's place in a picture, its margins included; drawn in the axes' units."""

    picture: Picture
    x: float
    y: float
    width: float
    height: float
    title: str
    horizontal: Axis
    vertical: Axis
    _legend_end: float = 0.0

    def __post_init__(self) -> None:
        self._legend_end = self.x + _LEFT
        self._frame()

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The pixel of a point."""
        across = (x - self.horizontal.low) / (self.horizontal.high - self.horizontal.low)
        up = (y - self.vertical.low) / (self.vertical.high - self.vertical.low)
        return (
            self.x + _LEFT + across * (self.width - _LEFT - _RIGHT),
            self.y + self.height - _BOTTOM - up * (self.height - _TOP - _BOTTOM),
        )

    def line(
        self, points: Points, colour: str, *, dashes: str = "", width: float = 2, opacity: float = 1
    ) -> None:
        """From point to point; one that is not a number leaves a gap."""
        style: dict[str, float | str] = {"stroke": colour, "stroke_width": width, "fill": "none"}
        if dashes:
            style["stroke_dasharray"] = dashes
        if opacity < 1:
            style["stroke_opacity"] = opacity
        for run in _runs(points):
            corners = " ".join(f"{_text(x)},{_text(y)}" for x, y in (self.at(*p) for p in run))
            self.picture.add("polyline", points=corners, stroke_linejoin="round", **style)

    def dot(
        self, x: float, y: float, colour: str, *, radius: float = 3, opacity: float = 1
    ) -> None:
        """A disc of `radius` pixels."""
        cx, cy = self.at(x, y)
        more = {"fill_opacity": opacity} if opacity < 1 else {}
        self.picture.add("circle", cx=cx, cy=cy, r=radius, fill=colour, **more)

    def text(self, x: float, y: float, text: str) -> None:
        """Beginning here, at half its height."""
        px, py = self.at(x, y)
        self.picture.write(px, py + 4, text, size=11)

    def bar(self, left: float, right: float, top: float, colour: str) -> None:
        """From the axis up to `top`."""
        (x0, y0), (x1, y1) = self.at(left, max(0.0, self.vertical.low)), self.at(right, top)
        self.picture.add(
            "rect", x=x0 + 0.5, y=y1, width=max(0.5, x1 - x0 - 1), height=y0 - y1, fill=colour
        )

    def whisker(self, x: float, low: float, high: float, colour: str) -> None:
        """An interval, upright."""
        self.line([(x, low), (x, high)], colour, width=1.5)
        for end in (low, high):
            px, py = self.at(x, end)
            self.picture.add(
                "line", x1=px - 4, x2=px + 4, y1=py, y2=py, stroke=colour, stroke_width=1.5
            )

    def legend(self, text: str, colour: str, *, dashes: str = "", dot: bool = False) -> None:
        """An entry beside those before, above the plot."""
        x, y = self._legend_end, self.y + _TOP - 14
        if dot:
            self.picture.add("circle", cx=x + 9, cy=y, r=4, fill=colour)
        else:
            style = {"stroke_dasharray": dashes} if dashes else {}
            self.picture.add(
                "line", x1=x, x2=x + 18, y1=y, y2=y, stroke=colour, stroke_width=2, **style
            )
        self.picture.write(x + 23, y + 4, text, size=11)
        self._legend_end = x + 23 + text_width(text, 11) + 14

    def _frame(self) -> None:
        """Title, grid, marks and labels."""
        picture, across, up = self.picture, self.horizontal, self.vertical
        left, bottom = self.at(across.low, up.low)
        right, top = self.at(across.high, up.high)
        picture.write(left, self.y + 20, self.title, size=14, font_weight="bold")
        for value, text in up.marks():
            _, y = self.at(across.low, value)
            picture.add("line", x1=left, x2=right, y1=y, y2=y, stroke=GRID)
            picture.write(left - 7, y + 4, text, anchor="end", size=11)
        for value, text in across.marks():
            x, _ = self.at(value, up.low)
            picture.add("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, stroke=GREY)
            picture.write(x, bottom + 17, text, anchor="middle", size=11)
        picture.add(
            "polyline",
            points=f"{_text(left)},{_text(top)} {_text(left)},{_text(bottom)} "
            f"{_text(right)},{_text(bottom)}",
            fill="none",
            stroke=GREY,
        )
        picture.write((left + right) / 2, bottom + 36, across.label, anchor="middle")
        picture.write(self.x + 14, (top + bottom) / 2, up.label, anchor="middle", turn=-90)


def text_width(text: str, size: float) -> float:
    """About how many pixels a text takes."""
    return len(text) * size * _CHARACTER


def _runs(points: Points) -> list[Points]:
    """The points between those that are not numbers."""
    runs: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if all(map(math.isfinite, point)):
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _text(value: float | str) -> str:
    """A number to a hundredth of a pixel, without what says nothing."""
    if isinstance(value, str):
        return escape(value)
    # Adding zero takes the sign from a negative one.
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")
