"""Weights set to zero, the smallest of each layer, and kept there while the rest is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn
from torch.nn.utils import prune

if TYPE_CHECKING:
    from collections.abc import Iterator

# The share is each layer's own: ranked over all layers, embeddings would lose nearly everything.
SPARSE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Embedding)


def mask(network: nn.Module, share: float) -> None:
    """Hold the share of each layer's weights that is smallest in magnitude at zero."""
    for module in _layers(network):
        prune.l1_unstructured(module, "weight", share)  # type: ignore[no-untyped-call]
        # Computed anew in each call; what a gradient hangs on could not be copied.
        module.weight = module.weight.detach()


def unmask(network: nn.Module) -> None:
    """Leave the zeros as plain weights; tied ones stay tied."""
    for module in _layers(network):
        if prune.is_pruned(module):
            prune.remove(module, "weight")  # type: ignore[no-untyped-call]


def zero_share(network: nn.Module) -> float:
    """Of the weights that `mask` looks at."""
    weights = [module.weight for module in _layers(network)]
    zeros = sum(int((weight == 0).sum()) for weight in weights)
    return zeros / max(1, sum(weight.numel() for weight in weights))


def _layers(network: nn.Module) -> Iterator[nn.Linear | nn.Conv1d | nn.Conv2d | nn.Embedding]:
    return (module for module in network.modules() if isinstance(module, SPARSE))
