"""Two steps of each optimizer against the same in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.tiny import settings
from training.optimizers import make_optimizer
from training.regularization import penalize

RATE = 0.1
BEGIN = np.array([0.5, -2.0, 3.0])
GOAL = np.array([1.0, 1.0, -1.0])
CURVATURE = np.array([1.0, 0.5, 2.0])


def gradient(weights: np.ndarray) -> np.ndarray:
    return CURVATURE * (weights - GOAL)


def stepped(steps: int = 2, l2: float = 0.0, slope: float = 1.0, **changes) -> np.ndarray:
    """The weights after steps on a parabola that is `slope` times as steep as `gradient`."""
    layer = nn.Linear(3, 1, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(BEGIN))
    optimizer = make_optimizer(settings(learning_rate=RATE, **changes), layer)
    for _ in range(steps):
        optimizer.zero_grad()
        distance = layer.weight - torch.from_numpy(GOAL)
        loss = slope * (torch.from_numpy(CURVATURE) * distance.square()).sum() / 2
        loss.backward()
        penalize([layer.weight], l1=0, l2=l2)
        optimizer.step()
    return layer.weight.detach().numpy()[0]


def adam(weights: np.ndarray, decay: float = 0.0) -> np.ndarray:
    """Kingma and Ba, algorithm 1; decay as Loshchilov and Hutter, algorithm 2."""
    mean, square = np.zeros(3), np.zeros(3)
    for step in (1, 2):
        slope = gradient(weights)
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        weights = weights - RATE * decay * weights
        corrected = mean / (1 - 0.9**step), square / (1 - 0.999**step)
        weights = weights - RATE * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)
    return weights


def test_gradient_descent():
    expected = BEGIN
    for _ in range(2):
        expected = expected - RATE * gradient(expected)
    np.testing.assert_allclose(stepped(optimizer="gradient_descent"), expected, rtol=1e-12)


def test_sgd_with_momentum():
    velocity, expected = np.zeros(3), BEGIN
    for _ in range(2):
        velocity = 0.8 * velocity + gradient(expected)
        expected = expected - RATE * velocity
    np.testing.assert_allclose(stepped(optimizer="sgd", momentum=0.8), expected, rtol=1e-12)


def test_nesterov_takes_the_gradient_where_momentum_leads():
    # Sutskever and others (2013), equations 3 and 4: the slope is that of the point ahead. The
    # optimizer keeps the point ahead, here `ahead`.
    velocity, expected = np.zeros(3), BEGIN
    for _ in range(2):
        ahead = expected + 0.8 * velocity
        velocity = 0.8 * velocity - RATE * gradient(ahead)
        expected = expected + velocity
    ahead = expected + 0.8 * velocity
    found = stepped(optimizer="sgd", momentum=0.8, nesterov=True)
    np.testing.assert_allclose(found, ahead, rtol=1e-12)


def test_adam():
    np.testing.assert_allclose(stepped(optimizer="adam"), adam(BEGIN), rtol=1e-12)


def test_adamw():
    found = stepped(optimizer="adamw", weight_decay=0.5)
    np.testing.assert_allclose(found, adam(BEGIN, decay=0.5), rtol=1e-12)


def test_adamw_without_decay_is_adam():
    found = stepped(optimizer="adamw", weight_decay=0.0)
    np.testing.assert_array_equal(found, stepped(optimizer="adam"))


def test_decay_of_adamw_is_a_factor_where_adam_with_l2_takes_the_same_from_all():
    # Without another gradient, Adam turns that of the penalty into its sign.
    decoupled = stepped(1, slope=0.0, optimizer="adamw", weight_decay=0.5)
    np.testing.assert_allclose(decoupled, BEGIN * (1 - RATE * 0.5), rtol=1e-12)
    coupled = stepped(1, slope=0.0, l2=0.25, optimizer="adam")
    np.testing.assert_allclose(coupled, BEGIN - RATE * np.sign(BEGIN), rtol=1e-6)


def test_decay_leaves_biases_alone():
    layer = nn.Linear(2, 2)
    before = layer.bias.detach().clone()
    optimizer = make_optimizer(settings(optimizer="adamw", weight_decay=1.0), layer)
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert torch.equal(layer.bias, before)


@pytest.mark.parametrize("optimizer", ["gradient_descent", "sgd", "adam", "adamw"])
def test_every_parameter_is_the_optimizers_once(optimizer: str):
    network = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    made = make_optimizer(settings(optimizer=optimizer), network)
    theirs = [id(value) for group in made.param_groups for value in group["params"]]
    assert sorted(theirs) == sorted(map(id, network.parameters()))
