"""Penalties against their closed forms, early stopping epoch by epoch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.tiny import TRUTH, Forgetful, linear_trainer, trained
from training.regularization import EarlyStopping, penalize, penalized

LONG = {"epochs": 300, "schedule": "linear", "final_fraction": 0.0}


def test_gradient_of_the_penalty_is_added_to_the_loss():
    weights = [nn.Parameter(torch.tensor([[1.0, -2.0]])), nn.Parameter(torch.tensor([[3.0]]))]
    for l1, l2 in ((0.5, 0.0), (0.0, 0.25), (0.5, 0.25)):
        absolutes, squares = (
            sum(norm(weight).sum() for weight in weights) for norm in (torch.abs, torch.square)
        )
        (sum(weight.sum() for weight in weights) + l1 * absolutes + l2 * squares).backward()
        expected = [weight.grad.clone() for weight in weights]
        for weight in weights:
            weight.grad = torch.ones_like(weight)
        penalize(weights, l1=l1, l2=l2)
        assert all(
            torch.equal(weight.grad, grad) for weight, grad in zip(weights, expected, strict=True)
        )
        for weight in weights:
            weight.grad = None


def test_biases_and_scales_of_normalisation_are_not_penalized():
    network = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    assert [tuple(weight.shape) for weight in penalized(network)] == [(4, 3), (2, 4)]


def test_without_a_penalty_the_truth_is_found():
    np.testing.assert_allclose(trained(**LONG), TRUTH, atol=1e-5)


def test_l1_takes_the_same_from_every_weight_and_leaves_zero_of_the_small():
    # The lasso on orthonormal columns: half of it off each absolute value.
    expected = np.sign(TRUTH) * np.maximum(np.abs(TRUTH) - 0.1 / 2, 0)
    assert (expected == 0).sum() == 2
    np.testing.assert_allclose(trained(**LONG, l1=0.1), expected, atol=1e-4)


def test_l2_shrinks_every_weight_by_the_same_factor():
    np.testing.assert_allclose(trained(**LONG, l2=0.25), TRUTH / 1.25, atol=1e-5)


def test_reported_losses_are_without_the_penalty():
    trainer = linear_trainer(l2=100.0, learning_rate=1e-8)
    trainer.run(Forgetful(), lambda: False)  # type: ignore[arg-type]
    assert trainer.curve[0]["train_loss"] == pytest.approx(float(np.square(TRUTH).sum()), rel=1e-4)


def over_after(losses: list[float], patience: int, min_delta: float = 0.0) -> int | None:
    """The epoch after which it is over."""
    early = EarlyStopping(patience, min_delta)
    for epoch, loss in enumerate(losses, start=1):
        early.note(loss)
        if early.over:
            return epoch
    return None


@pytest.mark.parametrize(
    ("losses", "patience", "min_delta", "epoch"),
    [
        ([3, 2, 2, 2], 2, 0.0, 4),
        ([3, 2, 2, 1, 1, 1], 2, 0.0, 6),
        ([3, 2.9, 2.8, 2.7], 2, 0.5, 3),
        # Slow, but over the epochs it has fallen by more.
        ([3, 2.7, 2.4, 2.1, 1.8], 2, 0.5, None),
        ([3, 4, 5, 6], 0, 0.0, None),
        ([3, math.nan, math.nan], 2, 0.0, 3),
    ],
)
def test_over_when_the_loss_has_not_fallen_for_patience_epochs(losses, patience, min_delta, epoch):
    assert over_after(losses, patience, min_delta) == epoch


def test_early_stopping_goes_on_from_its_state():
    first, second = EarlyStopping(2, 0.0), EarlyStopping(2, 0.0)
    first.note(1.0)
    first.note(2.0)
    second.load_state(first.state())
    second.note(1.5)
    assert second.over
