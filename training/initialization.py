"""Where a network's parameters begin, by the names that recipes use."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from torch import nn

if TYPE_CHECKING:
    from training.settings.sections import Initialization


def initialize(network: nn.Module, name: Initialization, std: float) -> None:
    """Draw the weights of every dense layer again, and set its biases to zero.

    `kaiming_*` have the variance 2 / inputs, for layers that a ReLU follows
    (https://arxiv.org/abs/1502.01852); `xavier_*` 2 / (inputs + outputs)
    (https://proceedings.mlr.press/v9/glorot10a.html); `orthogonal` has orthonormal rows or
    columns, whichever are fewer (https://arxiv.org/abs/1312.6120); `normal` the deviation
    `std`. `pytorch` leaves what `nn.Linear` drew: weights and biases uniform
    within 1 / sqrt(inputs) of zero, a variance of 1 / (3 inputs).
    """
    for layer in network.modules():
        if not isinstance(layer, nn.Linear):
            continue
        weight = layer.weight
        match name:
            case "pytorch":
                return
            case "kaiming_uniform":
                nn.init.kaiming_uniform_(weight, nonlinearity="relu")
            case "kaiming_normal":
                nn.init.kaiming_normal_(weight, nonlinearity="relu")
            case "xavier_uniform":
                nn.init.xavier_uniform_(weight)
            case "xavier_normal":
                nn.init.xavier_normal_(weight)
            case "orthogonal":
                nn.init.orthogonal_(weight)
            case "normal":
                nn.init.normal_(weight, std=std)
            case _:
                assert_never(name)
        nn.init.zeros_(layer.bias)
