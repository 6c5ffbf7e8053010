"""What can be taken out of a network: channels, neurons and heads, as its modules say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from training.errors import CompressionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

Role = Literal["writes", "scales", "reads"]
# For each role: the attribute that says how long the axis is.
_SIZES = {
    "writes": ("out_features", "out_channels", "embedding_dim"),
    # A convolution of each channel by itself is a scale of it.
    "scales": ("num_features", "in_channels", "out_channels", "groups"),
    "reads": ("in_features", "in_channels"),
}
_RUNNING = ("bias", "running_mean", "running_var")


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """An axis of a module's weight that runs over units: `outer` times all units, each with
    `inner` elements side by side.

    The module writes the units' values (a layer before them), scales them (a normalization), or
    reads them (a layer after them). `outer` is 3 for queries, keys and values in one layer;
    `inner` is the size of a head, or of a picture that was made flat.
    """

    module: nn.Module
    role: Role
    outer: int = 1
    inner: int = 1

    @property
    def axis(self) -> int:
        """Of `module.weight`."""
        return int((self.role == "reads") != isinstance(self.module, nn.Embedding))

    def norms(self, units: int) -> torch.Tensor:
        """The squared norm of each unit's weights, float32 [units]."""
        weight = self.module.get_parameter("weight").detach().float().movedim(self.axis, 0)
        blocks = weight.reshape(self.outer, units, self.inner, -1)
        return blocks.square().sum(dim=(0, 2, 3)).cpu()

    def keep(self, kept: torch.Tensor, units: int) -> None:
        """Leave the units of these numbers, int64 [kept], ascending."""
        positions = torch.arange(self.outer * units * self.inner)
        chosen = positions.reshape(self.outer, units, self.inner)[:, kept].flatten()
        self._shorten("weight", chosen, self.axis)
        if self.role != "reads":
            for name in _RUNNING:
                self._shorten(name, chosen, 0)
        for name in _SIZES[self.role]:
            if hasattr(self.module, name):
                setattr(self.module, name, len(chosen))
        if isinstance(self.module, nn.LayerNorm | nn.RMSNorm):
            self.module.normalized_shape = (len(chosen),)

    def _shorten(self, name: str, chosen: torch.Tensor, axis: int) -> None:
        found = getattr(self.module, name, None)
        if found is None:
            return
        shorter = found.detach().index_select(axis, chosen.to(found.device)).clone()
        parameter = isinstance(found, nn.Parameter)
        setattr(self.module, name, nn.Parameter(shorter) if parameter else shorter)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Units that live in all of these slots, so that one leaves them all at once.

    `left` is told how many are left, by a module that computes with the number.
    """

    units: int
    slots: tuple[Slot, ...]
    left: Callable[[int], None] | None = None

    def scores(self) -> torch.Tensor:
        """How much each unit weighs in what the network computes, [units].

        The squared norm of what makes it times that of what reads it, each relative to the
        group's mean. A normalization's scale stands for the weights before it: it undoes theirs.
        """
        makers = [slot for slot in self.slots if slot.role == "scales"]
        makers = makers or [slot for slot in self.slots if slot.role == "writes"]
        readers = [slot for slot in self.slots if slot.role == "reads"]
        return _relative(makers, self.units) * _relative(readers, self.units)

    def shrink(self, share: float) -> None:
        """Take out the share of the units that weighs least; one stays at least."""
        count = max(1, round(self.units * (1 - share)))
        kept = self.scores().topk(count).indices.sort().values
        for slot in self.slots:
            slot.keep(kept, self.units)
        if self.left is not None:
            self.left(count)


def shrink_network(network: nn.Module, share: float) -> None:
    """Take the share out of every group that a module of the network names; CompressionFailed
    where none does."""
    for group in named_groups(network):
        group.shrink(share)


def named_groups(network: nn.Module) -> list[Group]:
    """Those that modules give in a method `removable()`. Raises CompressionFailed without one."""
    named = (getattr(module, "removable", None) for module in network.modules())
    found = [group for removable in named if removable is not None for group in removable()]
    if not found:
        raise CompressionFailed(
            "pruning: expected a network that names channels, neurons or heads, got none; "
            "use unstructured"
        )
    return found


def neurons(before: nn.Linear, after: nn.Linear, *more: nn.Linear) -> Group:
    """The hidden neurons between two layers; `more` layers write them beside `before`."""
    writers = (Slot(layer, "writes") for layer in (before, *more))
    return Group(before.out_features, (*writers, Slot(after, "reads")))


def _relative(slots: list[Slot], units: int) -> torch.Tensor:
    total = torch.zeros(units)
    for slot in slots:
        norms = slot.norms(units)
        total += norms / norms.mean().clamp(min=torch.finfo(norms.dtype).tiny)
    return total
