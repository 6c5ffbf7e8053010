"""Over-fitting, and what helps against it: `python -m training.overfitting --out DIR`.

Trains the recipe `regression` with each means against over-fitting alone, with all and with none,
with several seeds, each of which also draws other splits. Leaves `overfitting.json` (settings,
losses by epoch, R2) and `overfitting.svg` in the folder, the same bytes each time on a machine.
Ten seeds take about two minutes on one core.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import torch

from training.checkpoint import Checkpoint
from training.errors import InvalidSetting, OutputRefused, TrainingError
from training.evaluation.intervals import percentiles, resampled
from training.export import run_module
from training.families.opening import open_family
from training.figures.overfitting import draw_overfitting
from training.progress import emit
from training.recipe import load
from training.trainer import Trainer
from training.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

RECIPE = "regression"
METRIC = "r2"
SEEDS = 10
DECIMALS = 6
NONE = "no regularization"
_NEITHER = {"dropout": "0", "weight_decay": "0"}
_TO_THE_END = {"patience": "0", "keep": "last"}
# What is set beside the recipe, which has them all.
VARIANTS: Mapping[str, Mapping[str, str]] = {
    NONE: {**_NEITHER, **_TO_THE_END},
    "weight decay": {"dropout": "0", **_TO_THE_END},
    "dropout": {"weight_decay": "0", **_TO_THE_END},
    "early stopping": _NEITHER,
    "all three": {},
}


def study(seeds: Sequence[int], settings: Mapping[str, str]) -> dict[str, Any]:
    """Each variant with each seed; `settings` are set beside all of them."""
    runs = {
        name: [_run(name, {**settings, **changes, "seed": str(seed)}) for seed in seeds]
        for name, changes in VARIANTS.items()
    }
    without = np.array([run["test_r2"] for run in runs[NONE]])
    return {
        "recipe": RECIPE,
        "settings": dict(settings),
        "seeds": [*seeds],
        "variants": {
            name: {"settings": dict(VARIANTS[name]), **_summary(found, without), "runs": found}
            for name, found in runs.items()
        },
    }


def _run(name: str, overrides: Mapping[str, str]) -> dict[str, Any]:
    """The losses by epoch, and R2 on training and test rows of the network that was kept."""
    recipe, world = load(RECIPE, overrides), World(0, 1, torch.device("cpu"))
    torch.set_num_threads(recipe.training.threads)
    torch.manual_seed(recipe.seed)
    family = open_family(recipe)
    dataset = family.read(None)
    network = family.network(dataset)
    (stage,) = family.stages(network, dataset)
    trainer = Trainer(stage, recipe, world)
    # Each epoch's line would say what the curve holds.
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):
        kept = trainer.run(Checkpoint(Path(folder), recipe, dataset), lambda: False)
    served = family.served(network.eval(), dataset)

    def answers(inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        return run_module(served.module, served.signature, inputs)

    r2 = {}
    for split in ("train", "test"):
        evaluation = family.judge(answers, served, dataset, split)
        r2[f"{split}_r2"] = round(getattr(evaluation, METRIC), DECIMALS)
    emit(against=name.replace(" ", "_"), seed=recipe.seed, epoch_kept=kept, **r2)
    losses = {
        key: [round(point[key], DECIMALS) for point in trainer.curve]
        for key in ("train_loss", "val_loss")
    }
    return {"seed": recipe.seed, "epoch_kept": kept, **r2, **losses}


def _summary(runs: Sequence[Mapping[str, Any]], without: NDArray[np.float64]) -> dict[str, Any]:
    """Means over the seeds; `gain` is in R2 on test rows, over no means, seed by seed."""
    test = np.array([run["test_r2"] for run in runs])
    gain = test - without
    interval = percentiles(resampled(gain[:, None])[:, 0] / len(gain))
    return {
        "train_r2": round(float(np.mean([run["train_r2"] for run in runs])), DECIMALS),
        "test_r2": round(float(test.mean()), DECIMALS),
        "gain": round(float(gain.mean()), DECIMALS),
        "gain_interval": interval and [round(end, DECIMALS) for end in interval],
        "seeds_better": int((gain > 0).sum()),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """The process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.overfitting", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder for what comes out")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many, from 0")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting beside all"
    )
    chosen = parser.parse_args(arguments)
    try:
        _write(chosen.out, chosen.seeds, chosen.set)
    except TrainingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _write(out: Path, seeds: int, given: Sequence[str]) -> None:
    if seeds < 1:
        raise InvalidSetting("seeds", expected="1 or more", got=seeds)
    settings = {key: value for key, _, value in (each.partition("=") for each in given)}
    try:
        out.mkdir(parents=True, exist_ok=True)
        document = study(range(seeds), settings)
        (out / "overfitting.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        (out / "overfitting.svg").write_bytes(draw_overfitting(document))
    except OSError as error:
        raise OutputRefused(out, error.strerror or str(error)) from None
    for name, found in document["variants"].items():
        shown = {key: found[key] for key in ("train_r2", "test_r2", "gain", "seeds_better")}
        emit(against=name.replace(" ", "_"), seeds=seeds, **shown)


if __name__ == "__main__":
    sys.exit(main())
