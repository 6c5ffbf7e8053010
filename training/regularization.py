"""What holds a network back from learning its training rows by heart: penalties, early stopping.

Dropout is a layer, so the family's network has it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn


def penalized(network: nn.Module) -> list[nn.Parameter]:
    """The weights that penalties and decay fall on: parameters of two axes or more.

    Biases, and scales of normalisation, do not make a function less smooth; they are left alone.
    """
    return [value for value in network.parameters() if value.ndim > 1]


def penalize(weights: Iterable[nn.Parameter], *, l1: float, l2: float) -> None:
    """Add to the weights' gradients those of a penalty: `l1` times the sum of absolute weights
    plus `l2` times the sum of their squares."""
    for weight in weights:
        if weight.grad is not None:
            value = weight.detach()
            weight.grad += l1 * value.sign() + 2 * l2 * value


class EarlyStopping:
    """Over when the validation loss has not fallen for `patience` epochs; never with 0 of them.

    It has fallen when it is lower than the lowest before by more than `min_delta`.
    """

    def __init__(self, patience: int, min_delta: float) -> None:
        self._patience, self._min_delta = patience, min_delta
        self._lowest, self._waited = math.inf, 0

    @property
    def over(self) -> bool:
        """Whether training is to end."""
        return 0 < self._patience <= self._waited

    def note(self, loss: float) -> None:
        """Take an epoch's validation loss into account."""
        if loss < self._lowest - self._min_delta:
            self._lowest, self._waited = loss, 0
        else:
            self._waited += 1

    def state(self) -> dict[str, Any]:
        """What `load_state` takes."""
        return {"lowest": self._lowest, "waited": self._waited}

    def load_state(self, state: dict[str, Any]) -> None:
        """The reverse of `state`."""
        self._lowest, self._waited = state["lowest"], state["waited"]
