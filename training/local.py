"""Training here, under the contract that SageMaker has: the same process on the same folders."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training import job
from training.bootstrap import SHUTDOWN_TIMEOUT_S, World, command
from training.earlier import remove_earlier
from training.errors import InvalidData, MissingPackage, OutputRefused, ProcessFailed
from training.recipe import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

# How long a stopped trainer may take for its step and its checkpoint.
GRACE_S = SHUTDOWN_TIMEOUT_S
CHECKPOINTS = "checkpoints"
GOING_ON = "stopped; the same command goes on from {}"
NEEDED = ("torch", "onnx", "onnxscript", "onnxruntime", "sklearn")


class Stopped(KeyboardInterrupt):
    """By a signal that is to end this process, as Ctrl-C would."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """What came out: `test` and `baseline` are the gate's metric on the test split, the trained
    model's and the baseline's; `seconds` of wall time; `artifact` the result's folder,
    as an absolute path."""

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
    processes: int = 1,
    on_line: Callable[[str], None],
) -> TrainingOutcome:
    """Train in processes of its own and put the result into the folder `out`, which is made.

    `data` is the channel `training`: a folder, or one file. `on_line` gets each line of progress
    as it comes. Ctrl-C stops the trainer, and is raised again, as are SIGTERM and SIGHUP (as
    Stopped, in the main thread); what it leaves in `<out>/checkpoints` is where the next call
    with the same arguments goes on, and goes when one is through. Raises InvalidRecipe before
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
    with _stopped_by_signals(), tempfile.TemporaryDirectory(prefix="infermeter-") as temporary:
        root = Path(temporary)
        _write_config(root, {"recipe": name, **overrides}, [] if data is None else ["training"])
        if data is not None:
            _link_channel(root, data.resolve())
        with _kept_checkpoints(root, out, on_line):
            _run(root, processes, on_line)
            try:
                remove_earlier(out)
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
        artifact=out.absolute(),
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


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """The trainer has a session of its own: what would end this process alone must end both."""

    def stop(number: int, _: FrameType | None) -> None:
        raise Stopped(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            # nohup's process is to outlive its terminal.
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _kept_checkpoints(root: Path, out: Path, on_line: Callable[[str], None]) -> Iterator[None]:
    """Those of a job that is not through lie in the folder for its result."""
    folder = out.resolve() / CHECKPOINTS
    folder.mkdir(exist_ok=True)
    job.checkpoint_folder(root).symlink_to(folder, target_is_directory=True)
    through = False
    try:
        yield
        through = True
    except KeyboardInterrupt:
        left = any(folder.rglob("step-*"))
        # Of a terminal that is gone nothing can be told.
        with suppress(OSError):
            on_line(GOING_ON.format(folder) if left else "stopped before the first step")
        raise
    finally:
        if through or not any(folder.rglob("step-*")):
            shutil.rmtree(folder)


def _run(root: Path, processes: int, on_line: Callable[[str], None]) -> None:
    last: deque[str] = deque(maxlen=5)
    world = World(("localhost",), "localhost", processes, "")
    errors = root / "errors.txt"
    with (
        errors.open("wb") as to_errors,
        subprocess.Popen(
            command(world),
            env=_environment(root),
            stdout=subprocess.PIPE,
            stderr=to_errors,
            text=True,
            encoding="utf-8",
            errors="replace",
            # Out of the terminal's process group: Ctrl-C then comes through this process alone.
            start_new_session=True,
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                last.append(line.rstrip("\n"))
                on_line(last[-1])
            code = process.wait()
        except BaseException:
            _stop(process, on_line)
            raise
    if code != 0:
        raise ProcessFailed(_reason(root, code, [*last, *_tail(errors)]))


def _environment(root: Path) -> dict[str, str]:
    # A folder named `training` where the command was typed must not take its place.
    return {**os.environ, job.ML_ROOT: str(root), "PYTHONSAFEPATH": "1"}


def _reason(root: Path, code: int, last: Sequence[str]) -> str:
    """The trainer's own, or the end of what it said."""
    file = job.failure_file(root)
    if file.exists():
        return file.read_text(encoding="utf-8")
    return f"the trainer ended with exit code {code}: {' | '.join(last) or 'no output'}"


def _tail(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]


def _stop(process: subprocess.Popen[str], on_line: Callable[[str], None]) -> None:
    process.terminate()
    try:
        with suppress(OSError):
            on_line("stopping after this step; Ctrl-C again does not wait for it")
        process.communicate(timeout=GRACE_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
