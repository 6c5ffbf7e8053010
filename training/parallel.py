"""One network over many processes."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from torch.nn.parallel import DistributedDataParallel

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch import nn

    from training.world import World


def spread(network: nn.Module, world: World) -> nn.Module:
    """What to call in the network's place: its gradients are the mean over all processes."""
    if world.size == 1:
        return network
    return DistributedDataParallel(network)


def gathers(network: nn.Module, *, last: bool) -> AbstractContextManager[None]:
    """Around the parts of a step: gradients travel once, after the last."""
    if isinstance(network, DistributedDataParallel) and not last:
        return network.no_sync()
    return nullcontext()
