"""Optimizers by the names that recipes use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, assert_never

from torch import optim

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn


def optimizer_by_name(
    name: Literal["adam", "adamw", "sgd"],
    parameters: Iterable[nn.Parameter],
    learning_rate: float,
) -> optim.Optimizer:
    """With PyTorch's own defaults, but for the learning rate and SGD's momentum of 0.9."""
    match name:
        case "adam":
            return optim.Adam(parameters, lr=learning_rate)
        case "adamw":
            return optim.AdamW(parameters, lr=learning_rate)
        case "sgd":
            return optim.SGD(parameters, lr=learning_rate, momentum=0.9)
        case _:
            assert_never(name)
