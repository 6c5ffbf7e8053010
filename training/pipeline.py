"""From a recipe and rows to the result's folder, top to bottom."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from infermeter.manifest import MODEL_FILE
from training.artifact import Result, write_artifact
from training.checkpoint import Checkpoint
from training.export import OnnxFile, export_onnx
from training.families.opening import open_family
from training.job import checkpoint_folder, model_folder
from training.progress import emit
from training.tasks import METRICS
from training.trainer import Trainer
from training.world import World, join_world, leave_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray
    from torch import nn

    from training.data.dataset import Dataset
    from training.families.family import Family
    from training.job import Job
    from training.recipe import Recipe

# What the log tells of the data before training, where there is any.
FLAWS = ("missing", "dropped_incomplete", "duplicates", "conflicts")


def run_job(job: Job, recipe: Recipe, stop: Callable[[], bool]) -> None:
    """Train, export and judge; what is judged is the exported file.

    The same recipe, data and machine give the same `model.onnx` and `manifest.json`, byte for
    byte. Raises the errors of `training.errors`, Interrupted among them once `stop()` is true.
    """
    world = join_world()
    try:
        _run(job, recipe, stop, world)
    finally:
        leave_world(world)


def _run(job: Job, recipe: Recipe, stop: Callable[[], bool], world: World) -> None:
    seconds: dict[str, float] = {}
    _prepare_torch(recipe)
    family = open_family(recipe)
    with _timed(seconds, "data"):
        dataset = family.read(job.data)
    if world.leads:
        _announce(recipe, dataset, world)
    with _timed(seconds, "training"):
        network = family.network(dataset).to(world.device)
        curves, epoch = _train(job, family, network, dataset, world, stop)
    if world.leads:
        _finish(job, family, network, dataset, world, curves, epoch, seconds)


def _train(
    job: Job,
    family: Family[Any],
    network: nn.Module,
    dataset: Dataset,
    world: World,
    stop: Callable[[], bool],
) -> tuple[dict[str, list[dict[str, float]]], int]:
    """Each stage's curve, and the epoch of the last one that was kept."""
    curves, epoch = {}, 0
    for stage in family.stages(network, dataset):
        trainer = Trainer(stage, family.recipe, world)
        folder = checkpoint_folder(job.root) / stage.name
        epoch = trainer.run(Checkpoint(folder, family.recipe, dataset), stop)
        curves[stage.name] = trainer.curve
    return curves, epoch


def _finish(
    job: Job,
    family: Family[Any],
    network: nn.Module,
    dataset: Dataset,
    world: World,
    curves: Mapping[str, list[dict[str, float]]],
    epoch: int,
    seconds: dict[str, float],
) -> None:
    folder = model_folder(job.root)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / MODEL_FILE
    with _timed(seconds, "export"):
        served = family.served(network.cpu().eval(), dataset)
        export = export_onnx(served, lambda rows: _held_out(family, dataset, rows), file)
    with _timed(seconds, "evaluation"):
        written = OnnxFile(file)
        evaluations = {
            split: family.judge(written.run, served, dataset, split) for split in dataset.splits()
        }
        baseline, naive = family.baseline(dataset), family.naive(dataset)
    result = Result(
        recipe=family.recipe,
        dataset=dataset,
        served=served,
        export=export,
        evaluations=evaluations,
        baseline=baseline,
        naive=naive,
        golden_inputs=family.golden_inputs(dataset),
        files=family.files(network, dataset),
        evaluation_files=family.evaluation_files(dataset),
        device=world.device.type,
        processes=world.size,
        epoch_kept=epoch,
        curves=curves,
    )
    write_artifact(folder, result, seconds)
    _conclude(result, seconds)


def _held_out(family: Family[Any], dataset: Dataset, rows: int) -> dict[str, NDArray[Any]]:
    """The first test rows, from the start again where there are too few."""
    return family.inputs(dataset.test, np.arange(rows) % len(dataset.test))


def _prepare_torch(recipe: Recipe) -> None:
    """Seed it and hold it to algorithms that give the same sum every time."""
    # cuBLAS wants this said before its first use.
    # https://docs.pytorch.org/docs/stable/notes/randomness.html
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(recipe.training.threads)
    torch.manual_seed(recipe.seed)


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - started


def _announce(recipe: Recipe, dataset: Dataset, world: World) -> None:
    rows = {f"{name}_rows": len(split) for name, split in dataset.splits().items()}
    emit(
        recipe=recipe.name, seed=recipe.seed, device=world.device.type, **rows, data=dataset.digest
    )
    summary = dataset.report.summary()
    if found := {name: summary[name] for name in FLAWS if summary.get(name)}:
        emit(**found)


def _conclude(result: Result, seconds: dict[str, float]) -> None:
    test, metrics = result.metrics()["test"], METRICS[result.recipe.task]
    emit(
        epoch_kept=result.epoch_kept,
        **{f"test_{metric}": f"{test[metric]:.4f}" for metric in metrics},
        **{f"baseline_{metrics[0]}": f"{test[f'baseline_{metrics[0]}']:.4f}"},
        largest_difference=f"{max(result.export.parity.values()):.1e}",
        seconds=f"{sum(seconds.values()):.1f}",
    )
