"""Child processes that do not outlive the server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Linux sends the parent-death signal when the *thread* that forked ends, so that children are
# started by one thread that lives as long as the server, never by the thread of a request.
_children: WeakSet[subprocess.Popen[bytes]] = WeakSet()
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="process-starter")


def start(
    command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], output: int | IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a leashed child in a session of its own; stdout and stderr both go to `output`."""
    child = _starter.submit(
        subprocess.Popen,
        [*_leash(), *command],
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ).result()
    _children.add(child)
    return child


def end(process: subprocess.Popen[bytes], *, grace_s: float) -> None:
    """SIGTERM to the child's session, then SIGKILL when it still runs after `grace_s`."""
    if process.poll() is None:
        send(process, signal.SIGTERM)
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            kill(process)
    else:
        send(process, signal.SIGKILL)  # what it left behind in its session


def kill(process: subprocess.Popen[bytes]) -> None:
    send(process, signal.SIGKILL)
    process.wait()


def environments(endpoint: str) -> list[tuple[str, int]]:
    """(function's name, pid) of each execution environment whose AWS is at `endpoint`.

    As the kernel tells it: of all processes that may be looked at, on Linux.
    """
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            content = (folder / "environ").read_bytes()
        except OSError:  # it has ended, or is another user's
            continue
        variables = dict(each.partition(b"=")[::2] for each in content.split(b"\0"))
        name = variables.get(b"AWS_LAMBDA_FUNCTION_NAME")
        if name and variables.get(b"AWS_ENDPOINT_URL") == endpoint.encode():
            found.append((name.decode(), int(folder.name)))
    return sorted(found)


def kill_all() -> None:
    """End, without grace, every child that still runs."""
    for child in list(_children):
        if child.poll() is None:
            kill(child)


def send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


@cache
def _leash() -> tuple[str, ...]:
    """A prefix that has the kernel kill the child when the server dies; none off Linux."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()
