"""Build of the compiled layer: what serving loads of onnxruntime, numpy, codecs and Powertools.

OpenBLAS (25 MB) stays: a stub in its place would save it, but aborts the process at a LAPACK call.
The bytecode is compiled here, because Lambda's /opt is read-only: without it every cold start
compiles some 200 modules anew.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.wheels import build_once, digest, install, remove

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"

# Globs below the installed packages. Each must match: one that has gone stale stops the build.
REMOVED = (
    # tests, stubs and headers
    "**/tests",
    "**/*.pyi",
    "**/*.pxd",
    "**/py.typed",
    "*.dist-info/sboms",
    "numpy/conftest.py",
    "numpy/testing",
    "numpy/matlib.py",  # deprecated, and imports numpy.testing
    "numpy/ma/testutils.py",
    "numpy/_core/include",
    "numpy/_core/lib",
    "numpy/_core/*_tests.*.so",
    "numpy/_core/_simd.*.so",
    "numpy/random/_examples",
    "numpy/random/lib",
    # tools for building
    "numpy/_configtool.py",
    "numpy/_pyinstaller",
    "numpy/f2py",
    # the C library is for other languages: Python's extension has it linked in
    "onnxruntime/capi/libonnxruntime.so*",
    "onnxruntime/capi/convert_npz_to_onnx_adapter.py",
    "onnxruntime/backend",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    # a page for notebooks
    "tokenizers/tools",
    # parts of Powertools that need packages this layer lacks, or that no function uses
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/utilities/auth_alpha",
    "aws_lambda_powertools/utilities/circuit_breaker",
    "aws_lambda_powertools/utilities/data_masking",
    "aws_lambda_powertools/utilities/feature_flags",
    "aws_lambda_powertools/utilities/idempotency",
    "aws_lambda_powertools/utilities/kafka",
    "aws_lambda_powertools/utilities/metadata",
    "aws_lambda_powertools/utilities/parameters",
    "aws_lambda_powertools/utilities/parser",
    "aws_lambda_powertools/utilities/streaming",
    "aws_lambda_powertools/utilities/validation",
)

log = logging.getLogger(__name__)


class LayerError(RuntimeError):
    """The layer could not be built as described here."""


def build(*, python: str, architecture: str = "x86_64", root: Path) -> Path:
    """Return the layer's folder (what Lambda mounts at /opt; the packages are in its `python/`).

    `python` is a version such as "3.13", `architecture` "x86_64" or "arm64". The folder is built
    once below `root`/.build and its bytes depend only on this file, the requirements and the
    interpreter that compiled the bytecode. Raises WheelError, LayerError.
    """
    interpreter, version = _find_interpreter(python)
    key = digest(REQUIREMENTS.read_bytes(), Path(__file__).read_bytes(), version.encode())
    # Without a dot, in which the CDK would see a file's extension.
    name = f"onnxruntime-{python.replace('.', '')}-{architecture}-{key}"

    def fill(target: Path) -> None:
        packages = target / "python"
        install(requirements=REQUIREMENTS, into=packages, python=python, architecture=architecture)
        strip(packages)
        if interpreter:
            _compile(packages, interpreter)
        else:
            log.warning(
                "no Python %s on this machine: the onnxruntime layer is built without bytecode "
                "and loads some 150 ms slower at a cold start",
                python,
            )

    return build_once(root / ".build" / "layers" / name, fill)


def strip(packages: Path) -> None:
    """Delete what serving never loads. Raises LayerError if a pattern matches nothing."""
    stale = [pattern for pattern in REMOVED if not remove(packages, pattern)]
    if stale:
        raise LayerError(f"nothing to remove for {', '.join(stale)}: have the packages moved it?")


def _compile(packages: Path, interpreter: str) -> None:
    # Unchecked hashes: the interpreter neither stats the source nor minds the zip's timestamps.
    command = [interpreter, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    # Code objects name their source as it will be found in Lambda, not in a folder of this machine.
    command += ["-s", str(packages.parent), "-p", "/opt", str(packages)]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise LayerError(f"bytecode: {done.stdout.strip() or done.stderr.strip()}")


def _find_interpreter(python: str) -> tuple[str | None, str]:
    """Return an interpreter of this minor version and its full version, or (None, "none")."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [
        sys.executable,
        shutil.which(f"python{python}"),
        *sorted(str(path) for path in pyenv.glob(f"versions/{python}*/bin/python")),
    ]
    for candidate in filter(None, candidates):
        version = _version(candidate)  # a version manager's shim may exist and not run
        if version.startswith(f"{python}."):
            return candidate, version
    return None, "none"


def _version(interpreter: str) -> str:
    question = "import platform; print(platform.python_version())"
    try:
        done = subprocess.run(
            [interpreter, "-c", question],
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return own | {"PYTHONHASHSEED": "0"}
