"""Wheels for another interpreter or machine, and folders that are built once.

Nothing is compiled and no container runs: pip only unpacks wheels that exist for the target.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Amazon Linux 2023, under Lambda and under the training image, has glibc 2.34.
GLIBC = ("2_34", "2_31", "2_28", "2_27", "2_17")
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}

# What pip writes about the installation itself: paths and hashes of this machine.
TRACES = ("bin", "*.dist-info/RECORD", "*.dist-info/INSTALLER", "*.dist-info/REQUESTED")


class WheelError(RuntimeError):
    """pip could not install what was asked for."""

    def __init__(self, requirements: Path, target: str, output: str) -> None:
        lines = [line for line in output.splitlines() if line.startswith("ERROR")]
        reason = " ".join(lines or output.splitlines()[-3:])
        super().__init__(f"cannot install {requirements} for {target}: {reason}")


def install(*, requirements: Path, into: Path, python: str, architecture: str) -> None:
    """Unpack the pinned wheels of a requirements file into a folder, without their dependencies.

    `python` is a version such as "3.13", `architecture` "x86_64" or "arm64". Raises WheelError.
    """
    machine = MACHINES[architecture]
    platforms = [f"--platform=manylinux_{glibc}_{machine}" for glibc in GLIBC]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--no-deps", "--no-compile", "--only-binary=:all:"]
    command += [*platforms, f"--platform=manylinux2014_{machine}", f"--python-version={python}"]
    command += ["--implementation=cp", f"--target={into}", f"--requirement={requirements}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WheelError(requirements, f"Python {python} on {architecture}", done.stderr)
    for pattern in TRACES:
        remove(into, pattern)


def remove(folder: Path, pattern: str) -> int:
    """Delete everything in `folder` that matches a glob pattern; return how many matched."""
    matches = sorted(folder.glob(pattern))
    for match in matches:
        if match.is_dir():
            shutil.rmtree(match)
        else:
            match.unlink(missing_ok=True)
    return len(matches)


def build_once(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Return `folder`; if it does not exist, let `fill` build it elsewhere and move it into place.

    A half-built folder is never seen, and of two builders at once the second waits for the first.
    """
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with TemporaryDirectory(prefix=f"{folder.name}-", dir=folder.parent) as staging:
                target = Path(staging, folder.name)
                target.mkdir()
                fill(target)
                target.rename(folder)
    return folder


def digest(*parts: bytes) -> str:
    """Return 16 hexadecimal digits that stand for the parts and their order."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
    return total.hexdigest()[:16]
