"""The interpreter that runs the functions, and the environment that stands in for Lambda's.

Lambda's managed runtime holds the runtime client and boto3, and nothing of this project: so does
the virtual environment built here, and a package that a layer forgot is missing here as well.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.errors import (
    LocalStackError,
    NoSpace,
    RuntimeUnavailable,
    disk_errors,
    last_line,
    names_no_space,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LAMBDA_VERSION = "3.13"  # of the template's functions
RUNTIME_CLIENT = "awslambdaric==4.2.2"
OVERRIDE = "INFERMETER_RUNTIME_PYTHON"


@dataclass(frozen=True)
class Interpreter:
    """A Python that can run the functions, `version` as in "3.13"."""

    python: Path
    version: str

    @property
    def native(self) -> bool:
        """Whether the template's compiled layer (3.13, x86_64, Linux) can be loaded as it is."""
        return (
            self.version == LAMBDA_VERSION
            and sys.platform == "linux"
            and platform.machine() == "x86_64"
        )

    @property
    def description(self) -> str:
        text = f"Python {self.version}"
        if self.native:
            return text
        return (
            f"{text} in place of {LAMBDA_VERSION}; "
            "the compiled layer is replaced by one built for this machine"
        )


def find_interpreter() -> Interpreter:
    """Python 3.13 where there is one, else the interpreter of this process.

    Raises RuntimeUnavailable when INFERMETER_RUNTIME_PYTHON names nothing that runs.
    """
    if named := os.environ.get(OVERRIDE):
        version = _version(Path(named))
        if version is None:
            raise RuntimeUnavailable(f"{OVERRIDE} is {named}, which does not run as Python")
        return Interpreter(Path(named), version)
    for candidate in _candidates():
        if _version(candidate) == LAMBDA_VERSION:
            return Interpreter(candidate, LAMBDA_VERSION)
    major, minor = sys.version_info[:2]
    return Interpreter(Path(sys.executable), f"{major}.{minor}")


def build_runtime(root: Path, host: Interpreter, progress: Callable[[str], None]) -> Interpreter:
    """The runtime's own environment in `root/.build`, built once per set of pinned versions.

    Raises RuntimeUnavailable or NoSpace.
    """
    folder = root / ".build" / f"runtime-{host.version}"
    runtime = Interpreter(folder / "bin" / "python", host.version)
    constraints = root / "constraints.txt"
    recipe = _recipe(host, constraints)
    with disk_errors(folder), _locked(folder.with_suffix(".lock")):
        if _is_built(folder, recipe) and _version(runtime.python) == host.version:
            return runtime
        progress(f"building the function runtime (Python {host.version})")
        shutil.rmtree(folder, ignore_errors=True)
        _run([str(host.python), "-m", "venv", "--without-pip", str(folder)])
        pip = [sys.executable, "-m", "pip", "--python", str(runtime.python)]
        options = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
        _run([*pip, "install", *options, "--constraint", str(constraints), RUNTIME_CLIENT, "boto3"])
        (folder / "recipe").write_text(recipe)
    return runtime


def _recipe(host: Interpreter, constraints: Path) -> str:
    digest = hashlib.sha256(constraints.read_bytes()).hexdigest()
    return json.dumps([str(host.python), RUNTIME_CLIENT, digest])


def _is_built(folder: Path, recipe: str) -> bool:
    try:
        return (folder / "recipe").read_text() == recipe
    except OSError:
        return False


def _candidates() -> Iterator[Path]:
    name = f"python{LAMBDA_VERSION}"
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if (path := Path(folder) / name).is_file():
            yield path
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{LAMBDA_VERSION}*/bin/python"), reverse=True)
    uv = home / ".local" / "share" / "uv" / "python"
    yield from sorted(uv.glob(f"cpython-{LAMBDA_VERSION}*/bin/{name}"), reverse=True)


def _version(python: Path) -> str | None:
    """`major.minor` as the interpreter itself says; None when it does not run."""
    probe = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [str(python), "-c", probe], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _run(command: list[str]) -> None:
    # What lies on the caller's PYTHONPATH would pass for installed, and be missing at run time.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode == 0:
        return
    if names_no_space(answer.stderr):
        raise NoSpace(command[-1])
    raise RuntimeUnavailable(last_line(answer.stderr) or last_line(answer.stdout))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One builder at a time, across processes."""
    try:
        import fcntl  # not on Windows, where the functions run by MiniStack's own worker
    except ImportError:
        raise LocalStackError("the local function runtime needs Linux or macOS") from None

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
