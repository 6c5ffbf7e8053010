"""Training here, under the contract that SageMaker has: the same process on the same folders."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training import job
from training.errors import InvalidData, MissingPackage, OutputRefused, ProcessFailed
from training.recipe import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# How long a stopped trainer may take to write its checkpoint.
GRACE_S = 30
NEEDED = ("torch", "onnx", "onnxscript", "onnxruntime", "sklearn")


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """What came out: `test` and `baseline` are the gate's metric on the test split, the trained
    model's and the baseline's; `seconds` of wall time; `artifact` the result's folder."""

    recipe: str
    metric: str
    test: float
    baseline: float
    threshold: float
    seconds: float
    artifact: Path


def train_locally(
    recipe: str,
    overrides: Mapping[str, str],
    out: Path,
    *,
    data: Path | None = None,
    on_line: Callable[[str], None],
) -> TrainingOutcome:
    """Train in a process of its own and put the result into the folder `out`, which is made.

    `data` is the channel `training`: a folder, or one file. `on_line` gets each line of progress
    as it comes. Ctrl-C stops the trainer, and is raised again. Raises InvalidRecipe before
    anything starts, InvalidData for `data` that is not there, MissingPackage, OutputRefused, or
    ProcessFailed with the trainer's own message.
    """
    started = time.perf_counter()
    chosen = load(recipe, overrides)
    if data is not None and not data.exists():
        raise InvalidData(
            "data", expected="a folder or a file", got=f"'{data}', which is not there"
        )
    _check_packages()
    _make_folder(out)
    # An absolute path, because the trainer runs elsewhere.
    name = str(Path(recipe).resolve()) if recipe.endswith(".toml") else recipe
    with tempfile.TemporaryDirectory(prefix="infermeter-") as temporary:
        root = Path(temporary)
        _write_config(root, {"recipe": name, **overrides}, [] if data is None else ["training"])
        if data is not None:
            _link_channel(root, data.resolve())
        _run(root, on_line)
        try:
            shutil.copytree(job.model_folder(root), out, dirs_exist_ok=True)
        except (OSError, shutil.Error) as error:
            raise OutputRefused(out, str(error)) from None
    metrics = json.loads((out / job.REPORT_FILE).read_bytes())["metrics"]["test"]
    metric = chosen.gate.metric
    return TrainingOutcome(
        recipe=chosen.name,
        metric=metric,
        test=metrics[metric],
        baseline=metrics[f"baseline_{metric}"],
        threshold=chosen.gate.threshold,
        seconds=time.perf_counter() - started,
        artifact=out,
    )


def _check_packages() -> None:
    for package in NEEDED:
        if importlib.util.find_spec(package) is None:
            raise MissingPackage("scikit-learn" if package == "sklearn" else package)


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputRefused(out, error.strerror or str(error)) from None
    if not os.access(out, os.W_OK):
        raise OutputRefused(out, "Permission denied")


def _write_config(root: Path, hyperparameters: Mapping[str, str], channels: Sequence[str]) -> None:
    config = root / "input" / "config"
    config.mkdir(parents=True)
    documents = {
        "hyperparameters": hyperparameters,
        "resourceconfig": {"current_host": "algo-1", "hosts": ["algo-1"]},
        "inputdataconfig": {channel: {} for channel in channels},
    }
    for name, document in documents.items():
        (config / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")


def _link_channel(root: Path, data: Path) -> None:
    channel = root / "input" / "data" / "training"
    channel.parent.mkdir(parents=True)
    if data.is_dir():
        channel.symlink_to(data, target_is_directory=True)
    else:
        channel.mkdir()
        (channel / data.name).symlink_to(data)


def _run(root: Path, on_line: Callable[[str], None]) -> None:
    last: deque[str] = deque(maxlen=5)
    process = subprocess.Popen(
        # -P: a folder named `training` where the command was typed must not take its place.
        [sys.executable, "-P", "-m", "training.train"],
        env={**os.environ, job.ML_ROOT: str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        # Out of the terminal's process group: Ctrl-C then comes through this process alone.
        start_new_session=True,
    )
    with process:
        try:
            for line in process.stdout or ():
                last.append(line.rstrip("\n"))
                on_line(last[-1])
            code = process.wait()
        except BaseException:
            _stop(process)
            raise
    if code != 0:
        reason = job.failure_file(root)
        raise ProcessFailed(
            reason.read_text(encoding="utf-8")
            if reason.exists()
            else f"the trainer ended with exit code {code}: {' | '.join(last) or 'no output'}"
        )


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
