"""Whether a model is right as often as it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.evaluation.intervals import Interval, wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The rows whose confidence lies above `low` and up to `high`: its mean, and the share that
    was right."""

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """Bins that have rows, and the mean distance of confidence and accuracy over all rows.

    Chance alone moves a bin's accuracy, so the distance is more than 0 for any model, the more the
    fewer rows; it has no interval, because resampling would add the same again.
    C. Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
    """

    expected_calibration_error: float
    bins: tuple[Bin, ...]


def calibrate(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    """By the probability of the class taken [rows], and whether it was the row's [rows]."""
    # 0.1 belongs to the first of ten bins, as the intervals are open on the left.
    numbers = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    counts = np.bincount(numbers, minlength=BINS)
    confidences = np.bincount(numbers, confidence, BINS)
    rights = np.bincount(numbers, right, BINS)
    return Calibration(
        expected_calibration_error=float(np.abs(confidences - rights).sum() / len(right)),
        bins=tuple(
            Bin(
                low=number / BINS,
                high=(number + 1) / BINS,
                rows=int(counts[number]),
                confidence=float(confidences[number] / counts[number]),
                accuracy=float(rights[number] / counts[number]),
                interval=wilson(int(rights[number]), int(counts[number])),
            )
            for number in np.flatnonzero(counts).tolist()
        ),
    )
