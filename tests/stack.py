"""One local stack for all tests that use one, with a state folder and a port of its own."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infra.local import state
from infra.local.faults import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
COMMAND = Path(sys.executable).with_name("infermeter")


@dataclass(frozen=True)
class Stack:
    """A running stack, used as an operator does: by the command."""

    home: Path
    url: str

    def run(self, *arguments: str, check: bool = True, **environment: str) -> str:
        """The command's standard output; its last words when it fails."""
        done = run_command(self.home, *arguments, **environment)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments: str, **environment: str) -> Any:
        """The command's answer for scripts."""
        return json.loads(self.run(*arguments, "--json", **environment))

    def fail(self, seconds: float, *, throttled: float = 0.0, unacknowledged: float = 0.0) -> None:
        """For that long, lets this share of puts to the ledger be refused, and that share be
        applied without an answer; see infra/local/faults.py."""
        outputs = state.load(self.home).outputs  # type: ignore[union-attr]
        plan = Plan(
            outputs["LedgerTable"],
            throttled=throttled,
            unacknowledged=unacknowledged,
            until=time.time() + seconds,
        )
        state.faults(self.home).write_text(json.dumps(asdict(plan)))

    def environments(self, function: str) -> list[int]:
        """The pids of the processes that run a function."""
        listed = self.json("status")["environments"]
        return [each["pid"] for each in listed if each["function"] == function]


def run_command(
    home: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs `infermeter` with a state folder of its own."""
    return subprocess.run(
        [COMMAND, *arguments],
        env={**os.environ, "INFERMETER_HOME": str(home), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that serves the linear model, stopped and purged at the end."""
    from tests.models import linear, linear_manifest, write_artifact

    home = tmp_path_factory.mktemp("home")
    started = run_command(home, "up", "--detach", "--port", str(free_port()), "--json")
    try:
        assert started.returncode == 0, started.stderr
        running = Stack(home, json.loads(started.stdout)["url"])
        folder = write_artifact(home / "artifact", linear(), linear_manifest())
        running.run("publish", str(folder))
        yield running
    finally:
        run_command(home, "down", "--purge")


@pytest.fixture
def key(stack: Stack, request: pytest.FixtureRequest) -> dict[str, str]:
    """A new key of a tenant that is this test's own."""
    made: dict[str, str] = stack.json("keys", "create", "--tenant", tenant_of(request))
    return made


@pytest.fixture
def tenant(request: pytest.FixtureRequest) -> str:
    """The test's tenant."""
    return tenant_of(request)


def tenant_of(request: pytest.FixtureRequest) -> str:
    """A tenant's name made from the test's."""
    return re.sub(r"[^A-Za-z0-9]+", "-", request.node.name)[:60]
