"""The state folder: where it lies, what is in it, and whether its process still lives."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def state_dir() -> Path:
    """INFERMETER_HOME if set, else `.infermeter` in the repository root."""
    home = os.environ.get("INFERMETER_HOME")
    return Path(home).expanduser().resolve() if home else ROOT / ".infermeter"


@dataclass(frozen=True)
class Record:
    """`state.json`: one run of the server.

    `birth` is the start time of process `pid` in clock ticks since boot: a pid that was given
    to another process in the meantime is told apart by it.
    """

    pid: int
    birth: str
    port: int
    endpoint: str
    interpreter: str
    started: float
    ready: bool = False
    assembly: str = ""
    detail: str | None = None
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        return birth(self.pid) == self.birth


def load(home: Path) -> Record | None:
    """The last record; None where there is none or it cannot be read."""
    try:
        values: dict[str, Any] = json.loads(record_path(home).read_text())
        known = {item.name for item in fields(Record)}
        return Record(**{name: value for name, value in values.items() if name in known})
    except (OSError, ValueError, TypeError):
        return None


def save(home: Path, record: Record) -> None:
    """Replace the record in one step, so that a reader never sees half of it."""
    home.mkdir(parents=True, exist_ok=True)
    draft = record_path(home).with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(asdict(record), indent=1))
    draft.replace(record_path(home))


def record_path(home: Path) -> Path:
    return home / "state.json"


def server_log(home: Path) -> Path:
    return home / "server.log"


def access_log(home: Path) -> Path:
    return home / "access.log"


def faults(home: Path) -> Path:
    return home / "faults.json"


def birth(pid: int) -> str:
    """Something that is the same for one process only; empty when no such process runs."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return "" if Path("/proc/self").exists() else _birth_without_proc(pid)
    except OSError:
        return ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]  # field 22: start time


def _birth_without_proc(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return ""
    return "running"
