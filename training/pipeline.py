"""From a recipe and rows to the result's folder, top to bottom."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from infermeter.manifest import MODEL_FILE
from training.artifact import Result, write_artifact
from training.checkpoint import Checkpoint
from training.companions import export_companions
from training.compression.compress import check_served, compress, least_opset
from training.compression.finetuning import prune_network
from training.data.channel_files import channel_files
from training.errors import Interrupted
from training.exported import evaluate, export_network
from training.families.opening import open_family
from training.job import checkpoint_folder, model_folder
from training.progress import emit
from training.tasks import METRICS
from training.trainer import Trainer
from training.world import World, join_world, leave_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import nn

    from training.compression.finetuning import Pruned
    from training.compression.outcome import Outcome
    from training.data.channel_files import ChannelFile
    from training.data.dataset import Dataset
    from training.evaluation.evaluation import Evaluation
    from training.exported import Exported
    from training.families.family import Family
    from training.job import Job
    from training.recipe import Recipe
    from training.stage import Stage

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
    except Interrupted:
        leave_world(world)
        raise
    # After an error nobody leaves: others would notice that before its cause is written.
    leave_world(world)


class Trained(NamedTuple):
    """What training came to: each stage's curve, and the epoch of the last one that was kept;
    `pruned` where the recipe wants that."""

    network: nn.Module
    curves: Mapping[str, Sequence[Mapping[str, float]]]
    epoch: int
    pruned: Pruned | None


def _run(job: Job, recipe: Recipe, stop: Callable[[], bool], world: World) -> None:
    seconds: dict[str, float] = {}
    _prepare_torch(recipe)
    family = open_family(recipe)
    with _timed(seconds, "data"):
        dataset = family.read(job.data)
        channel = channel_files(job.data) if world.leads else ()
    if world.leads:
        _announce(recipe, dataset, world)
    with _timed(seconds, "training"):
        network = family.network(dataset).to(world.device)
    if recipe.compression.asked:
        check_served(recipe.compression, family.served(network, dataset))
    trained = _train(job, family, network, dataset, world, stop, seconds)
    if world.leads:
        _finish(job, family, trained, dataset, channel, world, seconds)


def _train(
    job: Job,
    family: Family[Any],
    network: nn.Module,
    dataset: Dataset,
    world: World,
    stop: Callable[[], bool],
    seconds: dict[str, float],
) -> Trained:
    recipe, compression = family.recipe, family.recipe.compression

    def train(stage: Stage) -> tuple[int, list[dict[str, float]]]:
        trainer = Trainer(stage, recipe, world)
        folder = checkpoint_folder(job.root) / stage.name
        return trainer.run(Checkpoint(folder, recipe, dataset), stop), trainer.curve

    curves, epoch, pruned = {}, 0, None
    with _timed(seconds, "training"):
        for stage in family.stages(network, dataset):
            epoch, curves[stage.name] = train(stage)
    if compression.pruning != "none":
        with _timed(seconds, "pruning"):
            pruned = prune_network(
                network, compression, lambda net: family.stages(net, dataset)[-1], train
            )
    return Trained(network, curves, epoch, pruned)


def _finish(
    job: Job,
    family: Family[Any],
    trained: Trained,
    dataset: Dataset,
    channel: Sequence[ChannelFile],
    world: World,
    seconds: dict[str, float],
) -> None:
    folder = model_folder(job.root)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        model = _export(family, trained, dataset, Path(temporary), seconds)
        shutil.copyfile(model.exported.file, folder / MODEL_FILE)
        with _timed(seconds, "export"):
            graphs = _export_companions(family, model, dataset, Path(temporary))
    with _timed(seconds, "evaluation"):
        baseline, naive = family.baseline(dataset), family.naive(dataset)
    recipe = family.recipe
    if channel:
        # Which may hold other data than the recipe speaks of, under the name of its source.
        recipe = replace(recipe, card=recipe.card.about(dataset.digest))
    result = Result(
        recipe=recipe,
        dataset=dataset,
        exported=model.exported,
        evaluations=model.evaluations,
        compression=model.compression,
        baseline=baseline,
        naive=naive,
        golden_inputs=family.golden_inputs(dataset),
        files={**family.files(model.network, dataset), **graphs},
        evaluation_files=family.evaluation_files(dataset),
        device=world.device.type,
        processes=world.size,
        epoch_kept=trained.epoch,
        curves=trained.curves,
        channel=channel,
    )
    write_artifact(folder, result, seconds)
    _conclude(result, seconds)


class Model(NamedTuple):
    """What is to be published."""

    network: nn.Module
    exported: Exported
    evaluations: Mapping[str, Evaluation]
    compression: Outcome | None


def _export(
    family: Family[Any],
    trained: Trained,
    dataset: Dataset,
    folder: Path,
    seconds: dict[str, float],
) -> Model:
    """The dense model, or the compressed one where the recipe wants that and it is as good."""
    settings = family.recipe.compression
    with _timed(seconds, "export"):
        exported = export_network(
            family, trained.network, dataset, folder / MODEL_FILE, least_opset(settings)
        )
    with _timed(seconds, "evaluation"):
        evaluations: Mapping[str, Evaluation] = evaluate(family, exported, dataset)
    if not settings.asked:
        return Model(trained.network, exported, evaluations, None)
    with _timed(seconds, "compression"):
        exported, evaluations, outcome = compress(
            family, dataset, exported, evaluations, trained.pruned
        )
    emit(**outcome.gains())
    emit(compression=outcome.verdict)
    network = trained.network
    if trained.pruned is not None and outcome.verdict.passed:
        network = trained.pruned.network
    return Model(network, exported, evaluations, outcome)


def _export_companions(
    family: Family[Any], model: Model, dataset: Dataset, folder: Path
) -> dict[str, bytes]:
    outcome, settings = model.compression, family.recipe.compression
    compressed = settings if outcome is not None and outcome.verdict.passed else None
    return export_companions(family.companions(model.network, dataset), compressed, folder)


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
    seconds[part] = seconds.get(part, 0.0) + time.perf_counter() - started


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
        largest_difference=f"{max(result.exported.export.parity.values()):.1e}",
        seconds=f"{sum(seconds.values()):.1f}",
    )
