"""The processes that train together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed

from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping

STORE_TIMEOUT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class World:
    """This process is number `rank` of `size`, and computes on `device`.

    What the processes ask of each other, every one of them must ask, in the same order.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.rank == 0

    def total(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum over all processes."""
        if self.size > 1:
            tensor = tensor.clone()
            distributed.all_reduce(tensor)
        return tensor

    def sums(self, *numbers: float) -> list[float]:
        """Each number's sum over all processes; no device is waited for."""
        if self.size == 1:
            return [float(number) for number in numbers]
        return self.total(torch.tensor(numbers, dtype=torch.float64)).tolist()

    def any(self, flag: bool) -> bool:
        """Whether it is so in one process at least."""
        return self.sums(flag)[0] > 0

    def gather(self, value: Any) -> list[Any]:
        """Every process's value, by rank; it is pickled."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value)
        return values

    def copy_first(self, tensor: torch.Tensor) -> None:
        """Put the first process's values into every one's tensor."""
        if self.size > 1:
            distributed.broadcast(tensor, 0)


def join_world(environment: Mapping[str, str] = os.environ) -> World:
    """This process's place, by the variables that torchrun sets; the group is opened.

    Raises TrainingError where there are GPUs, but none for this process.
    """
    size, rank = int(environment.get("WORLD_SIZE", "1")), int(environment.get("RANK", "0"))
    here, cuda = int(environment.get("LOCAL_RANK", "0")), torch.cuda.is_available()
    if cuda and here >= torch.cuda.device_count():
        found, asked = torch.cuda.device_count(), environment.get("LOCAL_WORLD_SIZE", size)
        raise TrainingError(f"processes: expected at most {found}, one for each GPU, got {asked}")
    device = torch.device("cuda", here) if cuda else None
    if device is not None:
        torch.cuda.set_device(device)
    if size > 1:
        # gloo for what lies in memory: a flag of each step must not wait for the GPU.
        distributed.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo")
    return World(rank, size, device or torch.device("cpu"))


def leave_world(world: World) -> None:
    """Close the group."""
    if world.size > 1:
        distributed.destroy_process_group()


def first_reason(reason: str, environment: Mapping[str, str] = os.environ) -> str:
    """The reason of the process that failed first, on any host; this one's, where none is known.

    It lies where torchrun's processes met, which outlives them by a moment.
    """
    if int(environment.get("WORLD_SIZE", "1")) == 1:
        return reason
    address, port = environment["MASTER_ADDR"], int(environment["MASTER_PORT"])
    try:
        store = distributed.TCPStore(  # type: ignore[attr-defined]
            address, port, is_master=False, timeout=STORE_TIMEOUT
        )
        return str(store.compare_set("infermeter/failure", "", reason).decode())
    except (RuntimeError, OSError):
        return reason
