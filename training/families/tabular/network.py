"""Dense layers over a row of numbers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from training.compression.groups import neurons
from training.initialization import initialize

if TYPE_CHECKING:
    from training.compression.groups import Group
    from training.data.tables.categories import Expansion
    from training.data.tables.dataset import TabularDataset, Target
    from training.settings.tabular import TabularNetworkSettings

INPUT = "features"
PROBABILITIES = "probabilities"
PREDICTION = "prediction"


class TabularNetwork(nn.Module):
    """float32 [rows, features] as they come to float32 [rows, classes], logits, or to one
    standardised number, float32 [rows, 1].

    Standardises inside, with the training split's mean and scale, so that whoever calls the
    exported model need not know them. A feature that is the number of a category becomes one for
    each. Where the recipe fills in missing values it takes NaN for the mean, as long as its
    features are the columns that lacked them.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, settings: TabularNetworkSettings, dataset: TabularDataset) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(dataset.mean))
        self.register_buffer("scale", torch.from_numpy(dataset.scale))
        expansion = dataset.expansion
        self.expand = nn.Identity() if expansion is None else Expand(expansion)
        self.fills = dataset.filled is not None and dataset.components is None
        layers: list[nn.Module] = []
        width = len(dataset.mean)
        for hidden in settings.hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU()]
            if settings.dropout:
                layers.append(nn.Dropout(settings.dropout))
            width = hidden
        self.layers = nn.Sequential(*layers, nn.Linear(width, _outputs(dataset)))
        initialize(self.layers, settings.initialization, settings.initialization_std)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The logits, or the standardised number."""
        features = self.expand(features)
        if self.fills:
            features = torch.where(torch.isnan(features), self.mean, features)
        answers: torch.Tensor = self.layers((features - self.mean) / self.scale)
        return answers

    def removable(self) -> list[Group]:
        """Each hidden layer's neurons."""
        layers = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        return [neurons(one, other) for one, other in pairwise(layers)]


class Expand(nn.Module):
    """Columns, float32 [rows, columns], to float32 [rows, width], as `Expansion.expand` does."""

    sources: torch.Tensor
    categories: torch.Tensor
    marks: torch.Tensor

    def __init__(self, expansion: Expansion) -> None:
        super().__init__()
        self.register_buffer("sources", torch.from_numpy(expansion.sources))
        self.register_buffer("categories", torch.from_numpy(expansion.categories).float())
        self.register_buffer("marks", torch.from_numpy(expansion.marks))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The expanded features."""
        taken = features[:, self.sources]
        return torch.where(self.marks, (taken == self.categories).float(), taken)


class Classifier(nn.Module):
    """What is served: a network's logits through softmax, float32 [rows, classes].

    Logits of one class against the rest are each turned into its own probability, and these
    divided by their sum.
    """

    def __init__(self, network: nn.Module, *, against_the_rest: bool = False) -> None:
        super().__init__()
        self.network, self.against_the_rest = network, against_the_rest

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The probabilities; each row sums to one."""
        logits = self.network(features)
        if self.against_the_rest:
            # As logarithms: all of them may be too small for a float, and their sum zero.
            logits = functional.logsigmoid(logits)
        return torch.softmax(logits, dim=-1)


class Regressor(nn.Module):
    """What is served: a network's number in the target's own unit, float32 [rows, 1]."""

    def __init__(self, network: nn.Module, target: Target) -> None:
        super().__init__()
        self.network = network
        self.mean, self.scale = target.mean, target.scale

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """The predictions."""
        predictions: torch.Tensor = self.network(features) * self.scale + self.mean
        return predictions


def _outputs(dataset: TabularDataset) -> int:
    return len(dataset.classes) or 1
