"""A deployed function as the local runtime needs it, and where its code is unpacked."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Function:
    """One version of a function. Two equal values may share execution environments."""

    arn: str
    name: str
    version: str
    handler: str
    runtime: str
    code: Path
    layers: tuple[Path, ...]  # in the template's order: a later one wins
    memory_mb: int
    timeout_s: float
    log_group: str
    region: str
    snap_start: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


class CodeFolder:
    """Unpacks zips by their digest; an unpacked one is never changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)

    def unpack(self, archive: bytes) -> Path:
        """The folder that holds the archive's files, with their modes."""
        target = self._folder / hashlib.sha256(archive).hexdigest()
        if target.is_dir():
            return target
        draft = self._folder / f"draft-{uuid4().hex}"
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            for item in files.infolist():
                path = Path(files.extract(item, draft))
                if mode := item.external_attr >> 16 & 0o777:
                    path.chmod(mode | 0o600)
        draft.mkdir(exist_ok=True)  # an empty archive
        try:
            draft.rename(target)
        except OSError:  # another thread was first
            shutil.rmtree(draft, ignore_errors=True)
        return target


def process_environment(
    function: Function, *, python: Path, runtime_api: str, log_stream: str, tmp: Path
) -> dict[str, str]:
    """The variables of an execution environment; the reserved names win over the function's own."""
    roots = [function.code, *(layer / "python" for layer in reversed(function.layers))]
    libraries = [str(layer / "lib") for layer in reversed(function.layers)]
    return {
        "PATH": os.pathsep.join([str(python.parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "LD_LIBRARY_PATH": os.pathsep.join([*libraries, str(function.code / "lib")]),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "TMPDIR": str(tmp),
        "HOME": str(tmp),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        **function.environment,
        "PYTHONPATH": os.pathsep.join(str(root) for root in roots),
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": str(function.code),
        "LAMBDA_RUNTIME_DIR": str(python.parent),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if function.snap_start else "on-demand",
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
    }
