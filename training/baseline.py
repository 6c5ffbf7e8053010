"""The honest baseline: multinomial logistic regression on the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from training.data.dataset import Dataset


def fit_baseline(
    dataset: Dataset,
) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """A function from raw features [rows, features] to probabilities [rows, classes].

    Standardised like the network's, L2 penalty of half the squared weights over all rows
    (scikit-learn's default, C = 1), fitted on the training split to its one optimum.
    """
    mean, scale = torch.from_numpy(dataset.mean), torch.from_numpy(dataset.scale)

    def standardised(features: NDArray[np.float32]) -> torch.Tensor:
        return ((torch.from_numpy(features) - mean) / scale).double()

    inputs, labels = standardised(dataset.train.features), torch.from_numpy(dataset.train.labels)
    weights = torch.zeros(len(dataset.classes), len(mean), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(len(dataset.classes), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weights, bias], max_iter=500, tolerance_grad=1e-6, line_search_fn="strong_wolfe"
    )

    def objective() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(functional.linear(inputs, weights, bias), labels)
        loss = loss + weights.square().sum() / (2 * len(labels))
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(objective)  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def probabilities(features: NDArray[np.float32]) -> NDArray[np.float64]:
        logits = functional.linear(standardised(features), weights, bias)
        result: NDArray[np.float64] = torch.softmax(logits, dim=-1).numpy()
        return result

    return probabilities
