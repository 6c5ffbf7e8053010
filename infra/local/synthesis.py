"""Runs `infra/app.py`, unless what it depends on is as it was."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.errors import NodeMissing, NoSpace, SynthesisFailed, disk_errors, names_no_space

if TYPE_CHECKING:
    from collections.abc import Iterator

# What app.py reads: the CDK's code and settings, and all that becomes an asset.
SOURCES = ("functions", "infra", "layers", "training", "constraints.txt", "pyproject.toml")
# Node's versions past their end of life, with which the CDK works as well.
SILENCED_NODES = "18,20,21,23"
_IGNORED = {"__pycache__", "node_modules", "cdk.out", "local", "cli"}


def synthesize(root: Path, home: Path) -> tuple[Path, bool]:
    """The cloud assembly's folder below `home`, and whether it was made anew.

    Raises NodeMissing, SynthesisFailed or NoSpace.
    """
    assembly, key_path = home / "cdk.out", home / "cdk.out.key"
    key = source_key(root)
    if (
        key_path.is_file()
        and key_path.read_text() == key
        and (assembly / "manifest.json").is_file()
    ):
        return assembly, False
    if shutil.which("node", path=_path()) is None:
        raise NodeMissing
    with disk_errors(assembly):
        home.mkdir(parents=True, exist_ok=True)
        key_path.unlink(missing_ok=True)
        shutil.rmtree(assembly, ignore_errors=True)
        _run(root, assembly, home / "synthesis.log")
        key_path.write_text(key)
    return assembly, True


def source_key(root: Path) -> str:
    """A digest of the names and contents of all sources."""
    digest = hashlib.sha256()
    for path in sorted(_files(root)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root)}\0{content}\n".encode())
    return digest.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for name in SOURCES:
        source = root / name
        if source.is_file():
            yield source
        for folder, folders, files in os.walk(source):
            folders[:] = [item for item in folders if item not in _IGNORED]
            yield from (root / folder / item for item in files if not item.endswith(".pyc"))


def _path() -> str:
    """PATH, and after it the folder where a Node of the virtual environment would be."""
    return os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])


def _run(root: Path, assembly: Path, log: Path) -> None:
    environment = {
        **os.environ,
        "PATH": _path(),
        "CDK_OUTDIR": str(assembly),
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": SILENCED_NODES,
    }
    answer = subprocess.run(
        [sys.executable, "app.py"],
        cwd=root / "infra",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    log.write_text(answer.stdout + answer.stderr)
    if answer.returncode == 0:
        return
    if names_no_space(answer.stderr):
        raise NoSpace(assembly)
    raise SynthesisFailed(_cause(answer.stderr), log)


def _cause(output: str) -> str:
    """The exception's own line: the last one, without jsii's boxes and stack traces."""
    lines = [line.strip() for line in output.splitlines()]
    told = [line for line in lines if line and not line.startswith(("at ", "b'", "!!", "File "))]
    return told[-1] if told else "no output"
