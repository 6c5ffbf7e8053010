"""One network over many processes, and what else is laid around it while it is trained."""

from __future__ import annotations

import copy
import os
import shutil
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import torch
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
    apply_activation_checkpointing,
    checkpoint_wrapper,
)
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from training.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from torch import Tensor, nn

    from training.settings.sections import ScaleSettings
    from training.world import World


class Replica:
    """A network as this process trains it.

    `network` has the parameters that the optimizer changes; calling the replica computes. It is
    the given network itself, or a copy where what is laid around it would show in its modules
    (fsdp, activation checkpointing): `finish` brings the weights back. With one process there is
    nothing to spread, and `strategy` says nothing.

    Raises InvalidSetting for what this network, or this machine, cannot do.

    Gradients are the mean over the processes. bf16 is autocast's: weights, gradients and outputs
    stay float32 (https://docs.pytorch.org/docs/stable/amp.html).
    """

    def __init__(self, network: nn.Module, scale: ScaleSettings, world: World) -> None:
        self._given, self._world = network, world
        self._bf16 = scale.precision == "bf16"
        sharded = scale.strategy == "fsdp" and world.size > 1
        if scale.compile:
            _check_compiler()
        self.network = network.to(world.device)
        if sharded or scale.activation_checkpointing:
            self.network = copy.deepcopy(network)
            network.cpu()
        if scale.activation_checkpointing:
            _recompute(self.network, compiled=scale.compile)
        self._forward = self.network
        if sharded:
            _shard(self.network, world, compiled=scale.compile)
        elif scale.compile:
            # A wrapper: the network itself stays as it can be exported.
            self._forward = torch.compile(self.network)  # type: ignore[assignment]
        if world.size > 1 and not sharded:
            self._forward = DistributedDataParallel(self._forward)

    def __call__(self, features: Tensor) -> Tensor:
        """The network's outputs, not in a precision lower than float32."""
        with torch.autocast(self._world.device.type, torch.bfloat16, enabled=self._bf16):
            outputs: Tensor = self._forward(features)
        return outputs.float() if self._bf16 else outputs

    def gathers(self, *, last: bool) -> AbstractContextManager[None]:
        """Around the parts of a step: gradients travel once, after the last."""
        if isinstance(self._forward, FSDPModule):
            self._forward.set_requires_gradient_sync(last)
        elif isinstance(self._forward, DistributedDataParallel) and not last:
            return self._forward.no_sync()
        return nullcontext()

    def settle(self) -> None:
        """Give every process the first one's buffers, as DDP does before each call."""
        if isinstance(self._forward, FSDPModule):
            for buffer in self.network.buffers():
                self._world.copy_first(buffer)

    def finish(self) -> None:
        """Put the trained weights, whole, into the network that was given."""
        if self.network is self._given:
            return
        weights = self.network.state_dict()
        for name, value in self._given.state_dict().items():
            trained = weights[name]
            value.copy_(trained.full_tensor() if isinstance(trained, DTensor) else trained)


def blocks(network: nn.Module) -> list[nn.Module]:
    """What a network is a stack of: the modules that it, or a module in it, has as `blocks`.

    fsdp gathers one of them at a time, and activation checkpointing keeps only what goes into
    them, computing the rest again in the backward pass.
    """
    found = (block for module in network.modules() for block in getattr(module, "blocks", ()))
    return list(dict.fromkeys(found))


def _check_compiler() -> None:
    """torch.compile writes C++, on a GPU for what launches its kernels."""
    if not any(map(shutil.which, (os.environ.get("CXX", "g++"), "g++", "clang++"))):
        raise InvalidSetting("compile", expected="false without a C++ compiler, g++", got="true")


def _recompute(network: nn.Module, *, compiled: bool) -> None:
    found = blocks(network)
    if not found:
        raise InvalidSetting(
            "activation_checkpointing", expected="false for a network without blocks", got="true"
        )
    chosen = set(map(id, found))

    def wrap(block: nn.Module) -> nn.Module:
        # The compiler takes no contexts, and needs none: what it computes again changes nothing.
        if compiled:
            return checkpoint_wrapper(block)
        return checkpoint_wrapper(
            block, context_fn=lambda: (nullcontext(), _statistics_kept(block))
        )

    apply_activation_checkpointing(
        network, checkpoint_wrapper_fn=wrap, check_fn=lambda module: id(module) in chosen
    )


@contextmanager
def _statistics_kept(block: nn.Module) -> Iterator[None]:
    """Batch norm counts in copies, which nobody keeps: its own have these rows already."""
    kept = [
        (module, name, buffer)
        for module in block.modules()
        if getattr(module, "track_running_stats", False)
        for name, buffer in module.named_buffers(recurse=False)
    ]
    for module, name, buffer in kept:
        setattr(module, name, buffer.clone())
    try:
        yield
    finally:
        for module, name, buffer in kept:
            setattr(module, name, buffer)


def _shard(network: nn.Module, world: World, *, compiled: bool) -> None:
    """Each process keeps a part of each weight (https://arxiv.org/abs/2304.11277)."""
    for value in (*network.parameters(), *network.buffers()):
        world.copy_first(value.detach())
    found = blocks(network)
    for module in found or [network]:
        if compiled:
            module.compile()
    for module in (*found, network):
        fully_shard(module)
