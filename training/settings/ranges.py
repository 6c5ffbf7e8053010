"""Numbers within bounds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Range:
    """The smallest and the largest value of a number, both allowed."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        """False for NaN too."""
        return self.low <= value <= self.high
