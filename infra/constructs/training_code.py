"""The training job's code: a zip that `python` runs, with the packages that the image lacks."""

from __future__ import annotations

import shutil
from pathlib import Path

from infra.wheels import build_once, digest, install

REQUIREMENTS = "training/requirements.txt"
ENTRY = "training/bootstrap.py"
SOURCES = {"training": "training", "layers/core/python/infermeter": "infermeter"}


def stage(*, root: Path, python: str) -> Path:
    """Return a folder below `root`/.build with all that the job runs.

    It holds `__main__.py`, `training/`, `infermeter/` and `packages/`, and is named by its content:
    equal sources give the same folder. `python` is the image's version, such as "3.12". Raises
    WheelError, and FileNotFoundError if the entry point is missing.
    """
    files = {Path("__main__.py"): root / ENTRY}
    for source, name in SOURCES.items():
        folder = root / source
        files |= {Path(name, path.relative_to(folder)): path for path in _sources(folder)}
    packages = _packages(root=root, python=python)
    content = [part for name, path in files.items() for part in (_name(name), path.read_bytes())]

    def fill(target: Path) -> None:
        for name, path in files.items():
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        shutil.copytree(packages, target / "packages")

    key = digest(packages.name.encode(), *content)
    return build_once(root / ".build" / "training-code" / key, fill)


def _packages(*, root: Path, python: str) -> Path:
    """Return the installed requirements: a few megabytes, fetched once in about 2 s.

    They travel in the code, and not by pip in the job, so that a job needs no network.
    """
    requirements = root / REQUIREMENTS
    key = digest(requirements.read_bytes(), python.encode())
    return build_once(
        root / ".build" / "training-packages" / key,
        lambda target: install(
            requirements=requirements, into=target, python=python, architecture="x86_64"
        ),
    )


def _sources(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    )


def _name(path: Path) -> bytes:
    return path.as_posix().encode()
