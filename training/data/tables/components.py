"""Principal components, by numpy's singular value decomposition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.errors import InvalidSetting

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """A projection: `(values - mean) @ axes.T`; mean float64 [columns], axes [kept, columns]."""

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]

    def project(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [rows, columns] to float32 [rows, kept]."""
        projected: NDArray[np.float32] = ((values - self.mean) @ self.axes.T).astype(np.float32)
        return projected


def fit_components(values: NDArray[np.float32], kept: int) -> Components:
    """The `kept` directions of greatest variance of these rows, and of no others.

    Each direction's largest coefficient is positive, so that its sign does not depend on the
    linear algebra library. Raises InvalidSetting when the rows do not have as many directions.
    """
    most = min(values.shape)
    if kept > most:
        raise InvalidSetting(
            "components",
            expected=f"at most {most} for {values.shape[0]} rows of {values.shape[1]} columns",
            got=kept,
        )
    exact = values.astype(np.float64)
    mean = exact.mean(axis=0)
    axes = np.linalg.svd(exact - mean, full_matrices=False)[2][:kept]
    largest = axes[np.arange(kept), np.abs(axes).argmax(axis=1)]
    return Components(mean, axes * np.sign(largest)[:, None])
