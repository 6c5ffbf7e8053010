"""What a run goes on from, to and from tensors by name and a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from training.saved import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn, optim

    from training.saved import Saved
    from training.trainer import Trainer


def snapshot(trainer: Trainer) -> Snapshot:
    """Everything; every process must ask. Names begin with `network/`, `best/`, `optimizer/`, and
    `process<rank>/` for what each has of its own."""
    trainer.replica.settle()
    device = trainer.world.device
    # Dropout draws from these.
    generators = {"generator": torch.get_rng_state()}
    if device.type == "cuda":
        generators["cuda"] = torch.cuda.get_rng_state(device)
    tensors = {
        **_named("network", trainer.network.state_dict()),
        **_named("best", trainer.best["network"]),
        **_named("optimizer", moments(trainer.network, trainer.optimizer)),
        **_named(f"process{trainer.world.rank}", {"sums": trainer.sums, **generators}),
    }
    document = {
        "epoch": trainer.epoch,
        "row": trainer.row,
        "step": trainer.step,
        "curve": trainer.curve,
        "best": {key: trainer.best[key] for key in ("epoch", "score")},
        "early": trainer.early.state(),
    }
    return Snapshot(tensors, document)


def restore(trainer: Trainer, saved: Saved) -> None:
    """The reverse, by as many processes or others. Raises InvalidCheckpoint.

    Others draw other random numbers from here on, where a network draws any.
    """
    world, document, network = trainer.world, saved.document, trainer.network.state_dict()
    kept = document["best"]["epoch"] > 0
    best = {name: torch.zeros_like(value) for name, value in network.items() if kept}
    held = empty_moments(trainer.network, saved.shapes)
    sums = [torch.zeros(trainer.sums.shape, dtype=trainer.sums.dtype) for _ in saved.ranks]
    own = f"process{world.rank}"
    generators = {
        name: torch.empty(*saved.shapes[f"{own}/{name}"][0], dtype=torch.uint8)
        for name in ("generator", "cuda")
        if f"{own}/{name}" in saved.shapes
    }
    tensors = {
        **_named("network", network),
        **_named("best", best),
        **_named("optimizer", held),
        **_named(own, generators),
        **{f"process{rank}/sums": sums[rank] for rank in saved.ranks},
    }
    saved.read(tensors, world)
    set_moments(trainer.network, trainer.optimizer, held)
    trainer.epoch, trainer.row = document["epoch"], document["row"]
    trainer.step, trainer.curve = document["step"], document["curve"]
    trainer.best = {**document["best"], "score": tuple(document["best"]["score"]), "network": best}
    trainer.early.load_state(document["early"])
    if len(sums) == world.size:
        trainer.sums.copy_(sums[world.rank])
    elif world.leads:
        trainer.sums.copy_(torch.stack(sums).sum(0))
    if "generator" in generators:
        torch.set_rng_state(generators["generator"])
    if "cuda" in generators and world.device.type == "cuda":
        torch.cuda.set_rng_state(generators["cuda"], world.device)


def moments(network: nn.Module, optimizer: optim.Optimizer) -> dict[str, Tensor]:
    """An optimizer's tensors, by `<parameter>/<moment>`; there are none before the first step."""
    names: dict[Tensor, str] = {value: name for name, value in network.named_parameters()}
    return {
        f"{names[parameter]}/{moment}": value
        for parameter, state in optimizer.state.items()
        for moment, value in state.items()
        if isinstance(value, Tensor)
    }


def empty_moments(
    network: nn.Module, shapes: Mapping[str, tuple[torch.Size, torch.dtype]]
) -> dict[str, Tensor]:
    """Room for those that are saved, laid over the processes as their parameters are."""
    found = {}
    for name, parameter in network.named_parameters():
        prefix = f"optimizer/{name}/"
        for full, (shape, dtype) in shapes.items():
            if full.startswith(prefix):
                moment = full.removeprefix(prefix)
                # Adam counts its steps in a tensor of no axis.
                alike = shape == parameter.shape and moment != "step"
                room = torch.zeros_like(parameter) if alike else torch.zeros(shape, dtype=dtype)
                found[f"{name}/{moment}"] = room.detach()
    return found


def set_moments(
    network: nn.Module, optimizer: optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    """The reverse of `moments`."""
    names = {parameter: name for name, parameter in network.named_parameters()}
    document = optimizer.state_dict()
    held = (parameter for group in optimizer.param_groups for parameter in group["params"])
    for number, parameter in enumerate(held):
        prefix = f"{names[parameter]}/"
        found = {
            name.removeprefix(prefix): value
            for name, value in tensors.items()
            if name.startswith(prefix)
        }
        if found:
            document["state"][number] = found
    optimizer.load_state_dict(document)


def _named(kind: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{kind}/{name}": value for name, value in tensors.items()}
