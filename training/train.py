"""The training process: SageMaker's entry, and the local one.

Reads the job below `/opt/ml` (or the folder that INFERMETER_ML_ROOT names), leaves the result in
its `model/`, a reason in `output/failure` when it fails, a checkpoint when SIGTERM stops it.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

from training import recipe
from training.errors import Interrupted, TrainingError
from training.job import Job, forget_failure, ml_root, write_failure

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

EXTRA_PACKAGES = "INFERMETER_EXTRA_PACKAGES"
STOPPED = 128 + signal.SIGTERM


class StopRequest:
    """Whether SIGTERM has come. The loop asks at each step, so that no step is left half done."""

    def __init__(self) -> None:
        self._came = False

    def __call__(self) -> bool:
        return self._came

    def listen(self) -> None:
        """From now on; a container's first process would otherwise never notice the signal."""
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, _signal: int, _frame: FrameType | None) -> None:
        self._came = True


def main() -> int:
    """The process's exit code: 0 done, 1 failed, 143 stopped with a checkpoint left."""
    stop = StopRequest()
    stop.listen()
    _append_extra_packages()
    root = ml_root()
    if "WORLD_SIZE" not in os.environ:
        forget_failure(root)
    try:
        _run(root, stop)
    except Interrupted as stopped:
        sys.stderr.write(f"{stopped}\n")
        return STOPPED
    except TrainingError as error:
        _fail(root, str(error))
        sys.stderr.write(f"{error}\n")
        return 1
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        _fail(root, f"{cause}\n{traceback.format_exc()}")
        raise
    return 0


def _run(root: Path, stop: StopRequest) -> None:
    job = Job.read(root)
    chosen = recipe.load(job.recipe, job.overrides)
    # Here, because torch takes seconds to import and a wrong setting should not wait for it.
    from training.pipeline import run_job

    run_job(job, chosen, stop)


def _fail(root: Path, reason: str) -> None:
    """What failed before torch was there, fails in every process alike."""
    if "torch" in sys.modules:
        from training.world import first_reason

        reason = first_reason(reason)
    write_failure(root, reason)


def _append_extra_packages() -> None:
    """What the image lacks comes after what it has, which must win."""
    if folder := os.environ.get(EXTRA_PACKAGES):
        sys.path.append(folder)


def leave(code: int) -> None:
    """End the process. One of several ends at once: threads of gloo's may abort it on Python's own
    way out, which torchrun would take for a failure (https://github.com/pytorch/pytorch/pull/179291)."""
    if "WORLD_SIZE" in os.environ:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    leave(main())
