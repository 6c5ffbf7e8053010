"""The local stack as the command line sees it: `start`, `stop`, `status`, `session`."""

from __future__ import annotations

import os
import platform
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

from botocore.exceptions import BotoCoreError, ClientError

from infra.local import interpreter as interpreters
from infra.local import processes, state
from infra.local.assembly import fingerprint
from infra.local.credentials import local_session
from infra.local.deployment import Deployment
from infra.local.errors import (
    DeploymentFailed,
    LocalStackError,
    NoSpace,
    NotRunning,
    PortTaken,
    ServerDied,
    disk_errors,
    last_line,
    names_no_space,
)
from infra.local.synthesis import synthesize

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import boto3

    Progress = Callable[[str], None]

__all__ = ["LocalStackError", "Status", "environments", "session", "start", "status", "stop"]

COMPILED_LAYER = "onnxruntime"  # a part of that layer's description
_ENDPOINT_PORTS = range(20000, 30000)
_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 20.0


@dataclass(frozen=True)
class Status:
    """What runs, and where. `functions` maps short names ("infer") to deployed ones."""

    ready: bool
    url: str | None
    endpoint: str | None
    pid: int | None
    state_dir: Path
    interpreter: str | None
    functions: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    detail: str | None = None


def start(port: int, *, progress: Progress) -> Status:
    """Bring the stack up on `port` and wait until it is ready.

    A stack that runs already is deployed to again if the sources have changed. What a failed
    start has started is stopped. Raises LocalStackError.
    """
    home = state.state_dir()
    with disk_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        record = state.load(home)
        if record is not None and record.alive:
            if record.port != port:
                progress(f"it runs already, on port {record.port}")
            return _deploy(home, record, progress)
        if _is_taken(port):
            raise PortTaken(port)
        record = _launch(home, port, progress)
        try:
            return _deploy(home, record, progress)
        except BaseException:
            _end(record)
            raise


def stop(*, purge: bool = False) -> bool:
    """Stop the server and its children; whether one ran. `purge` removes the state as well."""
    home = state.state_dir()
    record = state.load(home)
    ran = record is not None and record.alive
    if record is not None and ran:
        _end(record)
    state.record_path(home).unlink(missing_ok=True)
    if purge:
        shutil.rmtree(home, ignore_errors=True)
    return ran


def status() -> Status:
    """What there is now; a record of a server that has died counts as none."""
    home = state.state_dir()
    record = state.load(home)
    if record is None:
        return _stopped(home, "not running")
    if not record.alive:
        return _stopped(home, f"the server (pid {record.pid}) has died: {state.server_log(home)}")
    return _status(home, record)


def environments() -> list[tuple[str, int]]:
    """The processes that run functions now: a function's short name and a pid, on Linux."""
    now = status()
    if now.endpoint is None:
        return []
    short = {name: each for each, name in now.functions.items()}
    return [(short.get(name, name), pid) for name, pid in processes.environments(now.endpoint)]


def session() -> tuple[boto3.Session, str]:
    """A session and the endpoint for its clients; raises NotRunning."""
    record = state.load(state.state_dir())
    if record is None or not record.alive:
        raise NotRunning
    return local_session(), record.endpoint


# ---- parts of start and stop


def _launch(home: Path, port: int, progress: Progress) -> state.Record:
    command, description = _server_command(home, port, progress)
    endpoint_port, url_port = _endpoint_ports(home)
    command += ["--endpoint-port", str(endpoint_port), "--url-port", str(url_port)]
    progress("starting the server")
    log = state.server_log(home)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=state.ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    # Collects its exit status, should it end before this process does.
    threading.Thread(target=process.wait, name="server-wait", daemon=True).start()
    endpoint = f"http://127.0.0.1:{endpoint_port}"
    record = state.Record(
        pid=process.pid,
        birth=state.birth(process.pid),
        port=port,
        endpoint=endpoint,
        interpreter=description,
        started=time.time(),
    )
    state.save(home, record)
    deadline = time.monotonic() + _START_LIMIT_S
    while not _answers(f"{endpoint}/_ministack/health") or not _is_taken(port):
        if process.poll() is not None:
            state.record_path(home).unlink(missing_ok=True)
            raise _death(log, port)
        if time.monotonic() > deadline:
            _end(record)
            raise ServerDied(log, f"no answer within {_START_LIMIT_S:.0f} s")
        time.sleep(0.05)
    return record


def _endpoint_ports(home: Path) -> tuple[int, int]:
    """Where the endpoint listens, and the port that the kept state names in its URLs."""
    path = home / "endpoint-port"
    try:
        named = int(path.read_text())
    except (OSError, ValueError):
        named = _free_port()
        path.write_text(str(named))
    return (_free_port() if _is_taken(named) else named), named


def _server_command(home: Path, port: int, progress: Progress) -> tuple[list[str], str]:
    """The server's command line without its endpoint, and how the functions run."""
    command = [sys.executable, "-m", "infra.local.server", "--home", str(home), "--port", str(port)]
    if sys.platform != "linux":
        return command, f"MiniStack's own worker: the runtime client has no {sys.platform} build"
    host = interpreters.find_interpreter()
    runtime = interpreters.build_runtime(state.ROOT, host, progress)
    command += ["--runtime", str(runtime.python)]
    if not host.native:
        progress(f"building the compiled layer for Python {host.version}")
        command += ["--substitute", COMPILED_LAYER, str(_layer_for(host))]
    return command, host.description


def _layer_for(host: interpreters.Interpreter) -> Path:
    """The seam to the layer's own build."""
    from layers.onnxruntime.build import build

    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    return build(python=host.version, architecture=machine, root=state.ROOT)


def _deploy(home: Path, record: state.Record, progress: Progress) -> Status:
    progress("synthesizing")
    assembly, _ = synthesize(state.ROOT, home)
    wanted = fingerprint(assembly)
    if record.ready and record.assembly == wanted:
        return _status(home, record)
    try:
        outputs = Deployment(local_session(), record.endpoint, progress).run(assembly)
    except (BotoCoreError, ClientError) as error:
        raise _deployment_error(home, record, error) from error
    record = replace(record, ready=True, assembly=wanted, outputs=outputs, detail=None)
    state.save(home, record)
    return _status(home, record)


def _deployment_error(home: Path, record: state.Record, error: Exception) -> LocalStackError:
    log = state.server_log(home)
    text = log.read_text(errors="replace")
    if names_no_space(text):
        return NoSpace(home)
    if not record.alive:
        return ServerDied(log, last_line(text))
    return DeploymentFailed("deployment", " ".join(str(error).split()))


def _death(log: Path, port: int) -> LocalStackError:
    text = log.read_text(errors="replace")
    if names_no_space(text):
        return NoSpace(log.parent)
    if "Address already in use" in text or "address already in use" in text:
        return PortTaken(port)
    return ServerDied(log, last_line(text))


def _end(record: state.Record) -> None:
    """SIGTERM, time to write the state, then SIGKILL."""
    if record.alive:
        os.kill(record.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_LIMIT_S
    while record.alive and time.monotonic() < deadline:
        time.sleep(0.05)
    if record.alive:
        os.kill(record.pid, signal.SIGKILL)


def _status(home: Path, record: state.Record) -> Status:
    names = [name for name in record.outputs if name.endswith("Function")]
    return Status(
        ready=record.ready,
        url=record.url,
        endpoint=record.endpoint,
        pid=record.pid,
        state_dir=home,
        interpreter=record.interpreter,
        functions={name.removesuffix("Function").lower(): record.outputs[name] for name in names},
        outputs=record.outputs,
        detail=record.detail if record.ready else "being deployed",
    )


def _stopped(home: Path, detail: str) -> Status:
    return Status(False, None, None, None, home, None, detail=detail)


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    """Below the range that systems give out by themselves, so that it stays free."""
    return next(port for port in random.sample(_ENDPOINT_PORTS, 100) if not _is_taken(port))


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback server
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
