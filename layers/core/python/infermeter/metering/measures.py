"""What is counted of a request, and sums of it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Measure(Enum):
    """A kind of quantity that a price or a budget may be for.

    `UNIT` is the model's own: a row, a request or a token, as its manifest says. `BYTE` is what
    went in and out together.
    """

    REQUEST = "request"
    UNIT = "unit"
    ROW = "row"
    TOKEN = "token"  # noqa: S105
    MILLISECOND = "millisecond"
    BYTE_IN = "byte_in"
    BYTE_OUT = "byte_out"
    BYTE = "byte"


class Quantities(NamedTuple):
    """All that is counted, of one request or of many; whole numbers, negative in corrections.

    `milliseconds` are those of the model's run.
    """

    requests: int = 0
    units: int = 0
    rows: int = 0
    tokens: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    milliseconds: int = 0

    def of(self, measure: Measure) -> int:
        """The quantity of one kind."""
        if measure is Measure.BYTE:
            return self.bytes_in + self.bytes_out
        value: int = getattr(self, _FIELDS[measure])
        return value

    def plus(self, other: Quantities) -> Quantities:
        """The sum of both."""
        return Quantities(*map(int.__add__, self, other))

    def minus(self, other: Quantities) -> Quantities:
        """What remains without the other."""
        return Quantities(*map(int.__sub__, self, other))


NOTHING = Quantities()

_FIELDS = {
    Measure.REQUEST: "requests",
    Measure.UNIT: "units",
    Measure.ROW: "rows",
    Measure.TOKEN: "tokens",
    Measure.MILLISECOND: "milliseconds",
    Measure.BYTE_IN: "bytes_in",
    Measure.BYTE_OUT: "bytes_out",
}
