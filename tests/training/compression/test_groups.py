"""Channels, neurons and heads taken out: those that say nothing leave every answer as it was."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from tests.training.compression import nets
from training.compression.groups import Group, Slot, neurons, shrink_network
from training.errors import CompressionFailed


def test_neurons_that_nobody_reads_go_first():
    before, after = nn.Linear(3, 6), nn.Linear(6, 2)
    with torch.no_grad():
        after.weight[:, [1, 4, 5]] = 0
    rows = torch.randn(10, 3)
    expected = after(torch.relu(before(rows)))
    neurons(before, after).shrink(0.5)
    assert (before.out_features, after.in_features) == (3, 3)
    assert (before.weight.shape, before.bias.shape) == ((3, 3), (3,))
    torch.testing.assert_close(after(torch.relu(before(rows))), expected)


def test_score_is_what_makes_a_unit_times_what_reads_it():
    before, after = nn.Linear(1, 3), nn.Linear(3, 1)
    with torch.no_grad():
        before.weight[:] = torch.tensor([[1.0], [2.0], [3.0]])
        after.weight[:] = torch.tensor([[5.0, 1.0, 1.0]])
    # Squares 1 4 9 of mean 14/3, and 25 1 1 of mean 9.
    expected = torch.tensor([1 * 25, 4 * 1, 9 * 1]) * 3 / 14 / 9
    torch.testing.assert_close(neurons(before, after).scores(), expected)


def silence_channels(network: nets.Pictures) -> None:
    """Channels 1, 2, 5 and 7 of the stream, and 0 to 3 inside the block, become nothing."""
    stream, inner = [1, 2, 5, 7], [0, 1, 2, 3]
    with torch.no_grad():
        for norm, channels in (
            (network.norm, stream),
            (network.block.last, stream),
            (network.block.norm, inner),
        ):
            norm.weight[channels] = 0
            norm.bias[channels] = 0


def test_channels_leave_every_layer_that_has_them():
    network = nets.seeded(nets.Pictures)
    silence_channels(network)
    rows = torch.from_numpy(nets.pictures(5))
    expected = network(rows)
    shrink_network(network, 0.5)
    torch.testing.assert_close(network(rows), expected)
    assert network.stem.weight.shape == (4, 1, 3, 3)
    assert network.block.first.weight.shape == (4, 4, 3, 3)
    assert network.block.last.num_features == 4
    assert network.block.last.running_var.shape == (4,)
    assert network.head.weight.shape == (5, 64)


def test_channels_left_are_those_that_are_scaled_most():
    network = nets.seeded(nets.Pictures)
    with torch.no_grad():
        # The weights before a normalization count for nothing: it undoes them.
        network.block.first.weight[:4] *= 100
        network.block.norm.weight[:] = torch.tensor([0.1] * 4 + [1.0] * 4)
    kept = network.block.first.weight[4:].clone()
    network.block.removable()[0].shrink(0.5)
    torch.testing.assert_close(network.block.first.weight, kept)


def test_heads_leave_queries_keys_and_values_together():
    network = nets.seeded(nets.Sentences)
    attention, silent = network.attention, [0, 2]
    with torch.no_grad():
        for head in silent:
            attention.output.weight[:, head * 4 : head * 4 + 4] = 0
        network.down.weight[:, ::2] = 0
    ids = torch.from_numpy(nets.sentences(5))
    expected = network(ids)
    shrink_network(network, 0.5)
    torch.testing.assert_close(network(ids), expected)
    assert (attention.heads, attention.inputs.out_features) == (2, 24)
    assert network.up.out_features == network.down.in_features == 32


def test_scale_alone_and_each_channel_by_itself_follow():
    before, depthwise, after = nn.Conv1d(2, 4, 1), nn.Conv1d(4, 4, 3, groups=4), nn.Conv1d(4, 3, 1)
    with torch.no_grad():
        after.weight[:, :2] = 0
    rows = torch.randn(2, 2, 9)
    expected = after(depthwise(before(rows)))
    slots = (Slot(before, "writes"), Slot(depthwise, "scales"), Slot(after, "reads"))
    Group(4, slots).shrink(0.5)
    assert (depthwise.groups, depthwise.in_channels) == (2, 2)
    torch.testing.assert_close(after(depthwise(before(rows))), expected)


def test_one_unit_stays():
    before, after = nn.Linear(3, 4), nn.Linear(4, 2)
    neurons(before, after).shrink(0.99)
    assert before.out_features == 1


def test_copies_share_nothing():
    network = nets.seeded(nets.Pictures)
    shrink_network(copy.deepcopy(network), 0.5)
    assert network.stem.out_channels == 8


def test_network_that_names_nothing_is_refused():
    with pytest.raises(CompressionFailed, match="names channels, neurons or heads, got none"):
        shrink_network(nn.Linear(3, 2), 0.5)
