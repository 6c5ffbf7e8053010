"""Zeros: as many as asked for in each layer, and through training."""

from __future__ import annotations

import copy

import torch
from torch import nn

from tests.training.compression import nets
from training.compression.sparsity import mask, unmask, zero_share


def zeros(weight: torch.Tensor) -> float:
    return float((weight == 0).double().mean())


def test_each_layer_loses_the_share_however_small_its_weights():
    network = nets.seeded(nets.Sentences)
    with torch.no_grad():
        # Ranked with the rest, embeddings would lose every weight.
        network.words.weight *= 1e-4
    mask(network, 0.5)
    unmask(network)
    for layer in (network.words, network.up, network.attention.inputs):
        assert abs(zeros(layer.weight) - 0.5) < 0.01
    assert abs(zero_share(network) - 0.5) < 0.01


def test_the_largest_stay():
    layer = nn.Linear(4, 1, bias=False)
    with torch.no_grad():
        layer.weight[:] = torch.tensor([[0.1, -3.0, 2.0, -0.2]])
    mask(layer, 0.5)
    unmask(layer)
    assert layer.weight.tolist() == [[0.0, -3.0, 2.0, 0.0]]


def test_zeros_stay_through_training_with_momentum():
    torch.manual_seed(0)
    layer = nn.Linear(8, 4)
    mask(layer, 0.75)
    before = layer.weight.detach().clone()
    optimizer = torch.optim.Adam(layer.parameters(), 0.1)
    for _ in range(5):
        optimizer.zero_grad()
        layer(torch.randn(16, 8)).square().sum().backward()
        optimizer.step()
    unmask(layer)
    assert isinstance(layer.weight, nn.Parameter)
    torch.testing.assert_close(layer.weight == 0, before == 0)
    assert not torch.equal(layer.weight, before)


def test_masked_network_can_be_copied():
    layer = nn.Linear(4, 2)
    mask(layer, 0.5)
    copied = copy.deepcopy(layer)
    rows = torch.randn(3, 4)
    torch.testing.assert_close(copied(rows), layer(rows))


def test_tied_weights_stay_tied():
    network = nets.seeded(nets.Tied)
    mask(network, 0.5)
    unmask(network)
    assert network.head.weight is network.words.weight
    assert abs(zeros(network.head.weight) - 0.5) < 0.01
