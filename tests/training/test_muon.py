"""Muon on a layer whose gradient is known."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.tiny import settings
from training.errors import InvalidSetting
from training.optimizers import Muon, make_optimizer
from training.recipe import load

RATE = 0.01


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(5, 6)
        self.dense = nn.Linear(6, 4)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.dense(self.embedding(ids))


def step(network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    loss = network(torch.arange(5)) * torch.arange(20.0).reshape(5, 4).square()
    loss.sum().backward()
    optimizer.step()


def make(network: nn.Module, **changes: float) -> torch.optim.Optimizer:
    return make_optimizer(settings(optimizer="muon", learning_rate=RATE, **changes), network)


def test_a_matrix_goes_equally_far_in_each_of_its_directions():
    network = Words()
    before = network.dense.weight.detach().clone()

    step(network, make(network))

    gradient = np.linalg.svd(network.dense.weight.grad.numpy(), compute_uv=False)
    moved = np.linalg.svd((before - network.dense.weight).detach().numpy(), compute_uv=False)
    # As long as Adam's steps: 0.2 for each weight, in the mean square.
    length = RATE * 0.2 * np.sqrt(6)
    assert gradient[0] > 5 * gradient[1]
    assert (moved[:2] / length).tolist() == pytest.approx([1, 1], abs=0.4)


def test_what_is_no_matrix_of_a_dense_layer_goes_as_with_adamw():
    ours, theirs = Words(), Words()

    step(ours, make(ours, weight_decay=0.5))
    step(theirs, torch.optim.AdamW(theirs.parameters(), lr=RATE, betas=(0.0, 0.0), weight_decay=0))

    for name in ("embedding.weight", "dense.bias"):
        torch.testing.assert_close(ours.get_parameter(name), theirs.get_parameter(name))


def test_it_goes_on_where_it_was():
    network = Words()
    optimizer = make(network)
    step(network, optimizer)
    other = copy.deepcopy(network)
    resumed = make(other)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))

    for group in (*optimizer.param_groups, *resumed.param_groups):
        group["lr"] = RATE / 2
    step(network, optimizer)
    step(other, resumed)

    assert isinstance(resumed, Muon)
    for name, value in network.named_parameters():
        assert torch.equal(value, other.get_parameter(name)), name


def test_it_is_refused_where_no_process_has_a_whole_matrix():
    with pytest.raises(InvalidSetting, match=r"optimizer.*another with strategy fsdp"):
        load("tabular", {"optimizer": "muon", "strategy": "fsdp"})
