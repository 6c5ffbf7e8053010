"""How much of the GPUs' arithmetic reaches the model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import nn

    from training.world import World

# Dense bf16, operations per second, by what the device's name has in it; the first that fits.
# The data sheets of NVIDIA's H100, H200, A100, L40S and L4 Tensor Core GPUs; where one gives the
# figure with sparsity only, half of it.
PEAKS = {
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "H200": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
}


def peak(device_name: str) -> float | None:
    """Operations per second, where they are known."""
    fits = (value for part, value in PEAKS.items() if re.search(rf"\b{part}\b", device_name))
    return next(fits, None)


def flops_per_row(network: nn.Module, row: torch.Size) -> float | None:
    """Operations of a training step for a row of features, forward and backward; what is
    computed again counts once. None where the network does not say: one that does has
    `flops_per_sample()`, or `flops_per_token(context)` for rows [tokens]."""
    if (of_sample := getattr(network, "flops_per_sample", None)) is not None:
        return float(of_sample())
    if (of_token := getattr(network, "flops_per_token", None)) is not None:
        return float(of_token(row[0]) * row[0])
    return None


def utilization(
    network: nn.Module, row: torch.Size, samples_per_s: float, world: World
) -> float | None:
    """Model FLOPs utilisation: `flops_per_row` times rows per second, over the peak of all
    devices (https://arxiv.org/abs/2204.02311, appendix B); None where either is not known."""
    if world.device.type != "cuda":
        return None
    flops, most = flops_per_row(network, row), peak(torch.cuda.get_device_name(world.device))
    return flops * samples_per_s / (most * world.size) if flops and most else None
