"""Where weights begin: variance, bounds, orthogonality."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.families.tabular.network import TabularNetwork
from training.initialization import initialize
from training.recipe import load

INPUTS, OUTPUTS = 300, 500


def layer(initialization: str, inputs: int = INPUTS, outputs: int = OUTPUTS) -> nn.Linear:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU())
    initialize(network, initialization, 0.3)
    return network[0]


VARIANCES = {
    "pytorch": 1 / (3 * INPUTS),
    "kaiming_uniform": 2 / INPUTS,
    "kaiming_normal": 2 / INPUTS,
    "xavier_uniform": 2 / (INPUTS + OUTPUTS),
    "xavier_normal": 2 / (INPUTS + OUTPUTS),
    "orthogonal": 1 / OUTPUTS,
    "normal": 0.3**2,
}


@pytest.mark.parametrize("initialization", list(VARIANCES))
def test_variance(initialization: str):
    weight = layer(initialization).weight.detach()
    assert float(weight.var()) == pytest.approx(VARIANCES[initialization], rel=0.02)
    assert abs(float(weight.mean())) < 0.01 * VARIANCES[initialization] ** 0.5


@pytest.mark.parametrize("initialization", list(VARIANCES))
def test_uniform_ends_at_the_square_root_of_three_variances(initialization: str):
    bound = (3 * VARIANCES[initialization]) ** 0.5
    largest = float(layer(initialization).weight.detach().abs().max())
    if initialization.endswith("uniform") or initialization == "pytorch":
        assert 0.99 * bound < largest <= bound * (1 + 1e-6)
    else:
        assert largest > 2 * bound


@pytest.mark.parametrize(("inputs", "outputs"), [(20, 50), (50, 20)])
def test_orthogonal(inputs: int, outputs: int):
    weight = layer("orthogonal", inputs, outputs).weight.detach()
    product = weight.T @ weight if outputs > inputs else weight @ weight.T
    torch.testing.assert_close(product, torch.eye(20), atol=1e-5, rtol=0)


@pytest.mark.parametrize("initialization", list(VARIANCES))
def test_biases_are_zero_but_for_pytorchs_own(initialization: str):
    assert bool(layer(initialization).bias.any()) == (initialization == "pytorch")


def test_pytorch_draws_nothing_again():
    torch.manual_seed(0)
    plain = nn.Linear(INPUTS, OUTPUTS)
    assert torch.equal(layer("pytorch").weight, plain.weight)


def test_recipes_choice_reaches_the_network(dataset):
    chosen = load(
        "tabular", {"initialization": "normal", "initialization_std": "2", "hidden": "99"}
    )
    network = TabularNetwork(chosen.network, dataset)
    for dense in (network.layers[0], network.layers[2]):
        assert float(dense.weight.detach().std()) == pytest.approx(2, rel=0.1)
        assert not dense.bias.any()
