"""The honest baseline on the same rows: logistic regression for classes, ridge for numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from training.data.dataset import ArrayRows
    from training.data.tables.dataset import TabularDataset, Target

# What ridge chooses from, four to a factor of ten.
PENALTIES = tuple(10 ** (exponent / 4) for exponent in range(-12, 17))


class Fitted(NamedTuple):
    """What it is, in words, and its answers: features [rows, features] to float64, probabilities
    [rows, classes] or predictions [rows, 1]."""

    model: str
    answer: Callable[[NDArray[np.float32]], NDArray[np.float64]]


def fit_baseline(dataset: TabularDataset) -> Fitted:
    """Fitted on the training split, standardised like the network's, to its one optimum."""
    if dataset.target is None:
        return _fit_logistic(dataset)
    return _fit_ridge(dataset, dataset.target)


def _fit_logistic(dataset: TabularDataset) -> Fitted:
    """Multinomial, L2 penalty of half the squared weights over all rows (scikit-learn's default,
    C = 1)."""
    inputs = torch.from_numpy(_standardised(dataset, dataset.train.features))
    labels = torch.from_numpy(dataset.train.labels)
    classes, features = len(dataset.classes), len(dataset.mean)
    weights = torch.zeros(classes, features, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
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
        rows = torch.from_numpy(_standardised(dataset, features))
        result: NDArray[np.float64] = torch.softmax(
            functional.linear(rows, weights, bias), dim=-1
        ).numpy()
        return result

    return Fitted("multinomial logistic regression", probabilities)


def _fit_ridge(dataset: TabularDataset, target: Target) -> Fitted:
    """The least squared error plus `penalty` times the squared weights, the intercept free.

    Of `PENALTIES` the one with the least squared error on the validation split.
    """
    inputs = _standardised(dataset, dataset.train.features)
    # Both sides have the mean zero, so the intercept is the target's mean.
    moments, products = inputs.T @ inputs, inputs.T @ (dataset.train.labels - target.mean)

    def fitted(penalty: float) -> NDArray[np.float64]:
        solution: NDArray[Any] = np.linalg.solve(moments + penalty * np.eye(len(moments)), products)
        return solution

    def predicted(features: NDArray[np.float32], weights: NDArray[Any]) -> NDArray[np.float64]:
        rows: NDArray[np.float64] = _standardised(dataset, features) @ weights
        return rows[:, None] + target.mean

    def error(split: ArrayRows, penalty: float) -> float:
        difference = predicted(split.features, fitted(penalty))[:, 0] - split.labels
        return float(np.square(difference).mean())

    penalty = min(PENALTIES, key=lambda each: error(dataset.validation, each))
    weights = fitted(penalty)
    return Fitted(
        f"ridge regression, penalty {penalty:.4g} chosen on validation",
        lambda features: predicted(features, weights),
    )


def _standardised(dataset: TabularDataset, features: NDArray[np.float32]) -> NDArray[np.float64]:
    return dataset.standardised(features).astype(np.float64)
