"""Dense layers over a row of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES

if TYPE_CHECKING:
    from training.data.dataset import Dataset
    from training.recipe import NetworkSettings

INPUT = "features"
OUTPUT = "probabilities"


class TabularNetwork(nn.Module):
    """float32 [rows, features] as they come to float32 [rows, classes], logits.

    Standardises inside, with the training split's mean and scale, so that whoever calls the
    exported model need not know them.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, settings: NetworkSettings, dataset: Dataset) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(dataset.mean))
        self.register_buffer("scale", torch.from_numpy(dataset.scale))
        layers: list[nn.Module] = []
        width = len(dataset.mean)
        for hidden in settings.hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU()]
            width = hidden
        self.layers = nn.Sequential(*layers, nn.Linear(width, len(dataset.classes)))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The logits."""
        logits: torch.Tensor = self.layers((features - self.mean) / self.scale)
        return logits


class Classifier(nn.Module):
    """What is served: a network's logits through softmax, float32 [rows, classes]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The probabilities; each row sums to one."""
        return torch.softmax(self.network(features), dim=-1)


def signature(dataset: Dataset) -> Signature:
    """`features` FP32 [-1, components] to `probabilities` FP32 [-1, classes]."""
    fp32 = DATATYPES["FP32"]
    return Signature(
        inputs=(TensorSpec(INPUT, fp32, (-1, len(dataset.mean))),),
        outputs=(TensorSpec(OUTPUT, fp32, (-1, len(dataset.classes)), dataset.classes),),
    )
