"""Training jobs laid out as SageMaker does it, in a temporary folder, and processes on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import training
from training import bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(training.__file__).parents[1]
CORE = REPOSITORY / "layers" / "core" / "python" / "infermeter"


def make_tree(root: Path, hyperparameters: Mapping[str, object], channels: object = None) -> Path:
    """The configuration folder of a job; the root."""
    config = root / "input" / "config"
    config.mkdir(parents=True)
    (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
    (config / "inputdataconfig.json").write_text(json.dumps(channels or {}))
    (config / "resourceconfig.json").write_text('{"current_host":"algo-1","hosts":["algo-1"]}')
    return root


def trainer(root: Path) -> subprocess.Popen[str]:
    """The trainer's process on a tree; a warning ends it."""
    return start(root, "-P", "-m", "training.train")


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    """A Python process whose ml root is the tree."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, "INFERMETER_ML_ROOT": str(root), "PYTHONWARNINGS": "error"},
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def code_archive(file: Path, packages: Mapping[str, str], port: int = bootstrap.PORT) -> Path:
    """The code channel's zip: the bootstrap, the two packages, and extra ones. Hosts meet at
    another port, that tests may run side by side."""
    with zipfile.ZipFile(file, "w") as archive:
        text = (REPOSITORY / "training" / "bootstrap.py").read_text()
        archive.writestr("__main__.py", text.replace(f"{bootstrap.PORT}", f"{port}"))
        for folder in (REPOSITORY / "training", CORE):
            for path in (*folder.rglob("*.py"), *folder.rglob("*.toml")):
                archive.write(path, path.relative_to(folder.parent))
        for name, text in packages.items():
            archive.writestr(f"packages/{name}", text)
    return file
