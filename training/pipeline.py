"""From a recipe and rows to the result's folder, top to bottom."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from infermeter.manifest import MODEL_FILE
from training.artifact import Result, write_artifact
from training.baseline import fit_baseline
from training.checkpoint import Checkpoint
from training.data.dataset import read_dataset
from training.evaluate import evaluate_classes, evaluate_numbers
from training.export import export_onnx, run_file
from training.families.tabular import TabularNetwork, served, signature
from training.job import checkpoint_folder, model_folder
from training.progress import emit
from training.tasks import METRICS
from training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from training.data.dataset import Dataset
    from training.evaluate import Evaluation
    from training.job import Job
    from training.recipe import Recipe

# What the log tells of the data before training, where there is any.
FLAWS = ("missing", "dropped_incomplete", "duplicates", "conflicts")


def run_job(job: Job, recipe: Recipe, stop: Callable[[], bool]) -> None:
    """Train, export and judge; what is judged is the exported file.

    The same recipe, data and machine give the same `model.onnx` and `manifest.json`, byte for
    byte. Raises the errors of `training.errors`, Interrupted among them once `stop()` is true.
    """
    seconds: dict[str, float] = {}
    folder = model_folder(job.root)
    folder.mkdir(parents=True, exist_ok=True)
    device = _prepare_torch(recipe)
    with _timed(seconds, "data"):
        dataset = read_dataset(recipe, job.data)
    _announce(recipe, dataset, device)
    with _timed(seconds, "training"):
        network = TabularNetwork(recipe.network, dataset).to(device)
        trainer = Trainer(network, recipe, dataset)
        epoch = trainer.run(Checkpoint(checkpoint_folder(job.root), recipe, dataset), stop)
    with _timed(seconds, "export"):
        against_the_rest = recipe.training.loss == "binary_crossentropy"
        model = served(network.cpu().eval(), dataset, against_the_rest=against_the_rest)
        promised = signature(dataset)
        file = folder / MODEL_FILE
        export = export_onnx(model, promised, dataset.test.features, file)
    with _timed(seconds, "evaluation"):
        evaluations = _judge(dataset, lambda features: run_file(file, promised, features))
        baseline = fit_baseline(dataset)
        baseline_evaluations = _judge(dataset, baseline.answer)
    result = Result(
        recipe=recipe,
        dataset=dataset,
        network=model,
        signature=promised,
        export=export,
        evaluations=evaluations,
        baseline_model=baseline.model,
        baseline=baseline_evaluations,
        device=device.type,
        epoch_kept=epoch,
        curve=trainer.curve,
    )
    write_artifact(folder, result, seconds)
    _conclude(result, seconds)


def _prepare_torch(recipe: Recipe) -> torch.device:
    """Seed it and hold it to algorithms that give the same sum every time."""
    # cuBLAS wants this said before its first use.
    # https://docs.pytorch.org/docs/stable/notes/randomness.html
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(recipe.training.threads)
    torch.manual_seed(recipe.seed)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - started


def _judge(
    dataset: Dataset, answer: Callable[[NDArray[np.float32]], NDArray[Any]]
) -> dict[str, Evaluation]:
    return {
        name: evaluate_numbers(answer(split.features), split.labels)
        if dataset.target
        else evaluate_classes(answer(split.features), split.labels, dataset.classes)
        for name, split in dataset.splits().items()
    }


def _announce(recipe: Recipe, dataset: Dataset, device: torch.device) -> None:
    rows = {f"{name}_rows": len(split.labels) for name, split in dataset.splits().items()}
    emit(recipe=recipe.name, seed=recipe.seed, device=device.type, **rows, data=dataset.digest)
    summary = dataset.report.summary()
    if found := {name: summary[name] for name in FLAWS if summary[name]}:
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
