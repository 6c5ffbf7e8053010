"""Numbers: how far the predictions are off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from training.evaluation.intervals import by_group, groups, of_each, resampled

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True, eq=False)
class NumberEvaluation:
    """Figures of one split, all but `r2` in the number's own unit. `r2` is the share of the
    variance that is explained, `bias` the mean of prediction minus number, `largest_error` the
    largest absolute difference. `predictions` and `numbers` are float64 [rows]."""

    rows: int
    r2: float
    mae: float
    rmse: float
    bias: float
    largest_error: float
    predictions: NDArray[np.float64] = field(repr=False)
    numbers: NDArray[np.float64] = field(repr=False)

    def terms(self) -> NDArray[np.float64]:
        """What `figures` takes the sums of, by group of rows [groups, 6]: rows, error, its
        amount and its square, the number and its square, from the mean of all."""
        error = self.predictions - self.numbers
        # Squares of numbers far from zero would leave nothing of their differences.
        number = self.numbers - self.numbers.mean()
        one = np.ones(self.rows)
        parts = [one, error, np.abs(error), np.square(error), number, np.square(number)]
        return by_group(np.column_stack(parts), groups(self.rows))

    def figures(self, sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The figures by sums of `terms` [..., 6]."""
        rows, error, amount, square, number, deviation = np.moveaxis(sums, -1, 0)
        deviation = deviation - np.square(number) / rows
        differs = deviation > 0
        # As `r2` has it for numbers that do not differ.
        same = np.where(square > 0, 0.0, 1.0)
        return {
            "r2": np.where(differs, 1 - square / np.where(differs, deviation, 1.0), same),
            "mae": amount / rows,
            "rmse": np.sqrt(square / rows),
            "bias": error / rows,
        }

    def document(self) -> dict[str, Any]:
        """Everything, with intervals, fit for JSON; `residuals` are prediction minus number."""
        residuals = self.predictions - self.numbers
        quantiles = np.quantile(residuals, QUANTILES).tolist()
        return {
            "rows": self.rows,
            "r2": self.r2,
            "mae": self.mae,
            "rmse": self.rmse,
            "bias": self.bias,
            "largest_error": self.largest_error,
            "intervals": of_each(self.figures(resampled(self.terms()))),
            "residuals": {
                "standard_deviation": float(residuals.std()),
                "quantiles": dict(zip(map(str, QUANTILES), quantiles, strict=True)),
            },
        }


def evaluate_numbers(
    predictions: NDArray[np.floating], numbers: NDArray[np.floating]
) -> NumberEvaluation:
    """Judge predictions [rows, 1] by numbers [rows]."""
    exact, truth = predictions[:, 0].astype(np.float64), numbers.astype(np.float64)
    difference = exact - truth
    return NumberEvaluation(
        rows=len(numbers),
        r2=r2(predictions, numbers[:, None]),
        mae=float(np.abs(difference).mean()),
        rmse=float(np.sqrt(np.square(difference).mean())),
        bias=float(difference.mean()),
        largest_error=float(np.abs(difference).max()),
        predictions=exact,
        numbers=truth,
    )


def r2(predictions: NDArray[np.floating], numbers: NDArray[np.floating]) -> float:
    """1 - squared error / squared deviation from the mean; both arrays of one shape.

    As scikit-learn has it, 1 or 0 for numbers that do not differ: met, or not.
    """
    exact = numbers.astype(np.float64)
    error = float(np.square(predictions - exact).sum())
    deviation = float(np.square(exact - exact.mean()).sum())
    if deviation > 0:
        return 1 - error / deviation
    return 1.0 if error == 0 else 0.0
