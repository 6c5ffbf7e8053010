"""Run by torchrun: the reference recipe trained by several processes, in every way.

The first process leaves each way's weights and curve in `<folder>/<way>.pt`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch.distributed.tensor import DTensor

from tests.training.runs import StopAt, checkpoint, make, never
from tests.training.stacks import stack_trainer
from training.data.tables.dataset import read_dataset
from training.errors import Interrupted
from training.recipe import load
from training.train import leave
from training.world import join_world, leave_world

# 1176 rows: the last step has one, which only one of two processes gets.
ROWS = {"epochs": "2", "batch_size": "235"}
EVERYTHING = {
    **ROWS,
    "optimizer": "adamw",
    "clip_norm": "0.5",
    "l1": "1e-4",
    "l2": "1e-4",
    "schedule": "cosine",
    "class_weights": "balanced",
    "label_smoothing": "0.1",
}
WAYS = {
    "ddp": ROWS,
    "accumulation": {**ROWS, "accumulation": "3"},
    "fsdp": {**ROWS, "strategy": "fsdp"},
    "ddp_everything": EVERYTHING,
    "fsdp_everything": {**EVERYTHING, "strategy": "fsdp", "accumulation": "2"},
}
DROPOUT = {**ROWS, "dropout": "0.3", "optimizer": "adamw"}
STOPPED = {"ddp_stopped": DROPOUT, "fsdp_stopped": {**DROPOUT, "strategy": "fsdp"}}
STEP = 7


def local(value: torch.Tensor) -> torch.Tensor:
    """What this process holds of it."""
    return value.to_local() if isinstance(value, DTensor) else value


def main(folder: Path) -> None:
    """Every way, one after the other."""
    world = join_world()
    dataset = read_dataset(load("tabular", {}), None)

    def keep(name: str, trainer) -> None:
        # Each process has the whole weights; what was laid around them is gone.
        weights = trainer.stage.network.state_dict()
        if world.leads:
            held = sum(local(value).numel() for value in trainer.network.parameters())
            found = {"weights": weights, "curve": trainer.curve, "held": held}
            torch.save(found, folder / f"{name}.pt")

    for name, overrides in WAYS.items():
        trainer = make(dataset, overrides, world)
        trainer.run(checkpoint(folder / name, dataset, overrides), never)
        keep(name, trainer)
    for name, overrides in STOPPED.items():
        whole = make(dataset, overrides, world)
        whole.run(checkpoint(folder / f"{name}_whole", dataset, overrides), never)
        keep(f"{name}_whole", whole)
        own = folder / name
        try:
            # Only the second process hears the signal; both stop at the same step.
            stop = StopAt(STEP) if world.rank == 1 else never
            make(dataset, overrides, world).run(checkpoint(own, dataset, overrides), stop)
        except Interrupted:
            torch.rand(world.rank + 1)
        resumed = make(dataset, overrides, world)
        resumed.run(checkpoint(own, dataset, overrides), never)
        keep(f"{name}_resumed", resumed)
    for name in ("ddp", "fsdp"):
        trainer = stack_trainer(world, strategy=name, activation_checkpointing=name == "fsdp")
        trainer.run(checkpoint(folder / f"stack_{name}", dataset), never)
        keep(f"stack_{name}", trainer)
    leave_world(world)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    leave(0)
