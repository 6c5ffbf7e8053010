"""What the command line calls, short of a whole start: that is the end-to-end test's."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from infra.local import stack, state
from infra.local.credentials import local_session
from infra.local.errors import NoSpace, NotRunning, PortTaken, ServerDied, disk_errors
from tests.infra.local.running import eventually

if TYPE_CHECKING:
    from infra.local.interpreter import Interpreter


TRUST = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
"Principal": {"Service": "lambda.amazonaws.com"}}]}"""
SOURCE = """
import os, time
def handler(event, context):
    time.sleep(event["sleep"])
    return os.getpid()
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INFERMETER_HOME", str(tmp_path))
    return tmp_path


def record(pid: int, born: str) -> state.Record:
    return state.Record(
        pid=pid,
        birth=born,
        port=8080,
        endpoint="http://127.0.0.1:1",
        interpreter="Python 3.13",
        started=0.0,
        ready=True,
        outputs={"ApiUrl": "https://a.execute-api.x.amazonaws.com/live/", "InferFunction": "f-1"},
    )


def test_a_taken_port_is_told_in_one_line(home: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} is taken.*--port") as error:
            stack.start(port, progress=lambda _: None)
    assert "\n" not in str(error.value)


def test_nothing_runs_at_first(home: Path):
    status = stack.status()
    assert (status.ready, status.url, status.detail) == (False, None, "not running")


def test_there_is_no_session_when_nothing_runs(home: Path):
    with pytest.raises(NotRunning, match="infermeter up"):
        stack.session()


def test_a_dead_server_is_recognised(home: Path):
    state.save(home, record(os.getpid(), "another process"))
    status = stack.status()
    assert not status.ready
    assert "has died" in str(status.detail)


def test_a_live_server_is_told(home: Path):
    state.save(home, record(os.getpid(), state.birth(os.getpid())))
    status = stack.status()
    assert (status.ready, status.url) == (True, "http://127.0.0.1:8080")
    assert status.functions == {"infer": "f-1"}


def test_stopping_what_is_dead_harms_no_other_process(home: Path):
    state.save(home, record(os.getpid(), "another process"))
    assert stack.stop() is False
    assert stack.status().detail == "not running"


def test_purging_removes_the_state(home: Path):
    (home / "data").mkdir()
    stack.stop(purge=True)
    assert not home.exists()


def test_a_broken_record_counts_as_none(home: Path):
    (home / "state.json").write_text("{")
    assert state.load(home) is None


def test_a_full_disk_is_told_in_one_line():
    with pytest.raises(NoSpace, match="no space left"), disk_errors("/somewhere"):
        raise OSError(28, "No space left on device", "/somewhere/file")


def test_a_server_that_dies_names_its_log(tmp_path: Path):
    log = tmp_path / "server.log"
    log.write_text("Traceback\nImportError: no module\n\n")
    error = stack._death(log, 1)
    assert isinstance(error, ServerDied)
    assert "ImportError: no module" in str(error)
    assert str(log) in str(error)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and the parent-death signal")
def test_a_killed_server_leaves_no_children(home: Path, runtime: Interpreter):
    running = stack._launch(home, stack._free_port(), lambda _: None)
    child = _start_function(running)
    os.kill(running.pid, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{child}").exists())


def test_a_stopping_server_waits_for_no_function(home: Path, runtime: Interpreter):
    running = stack._launch(home, stack._free_port(), lambda _: None)
    child = _start_function(running)
    call = threading.Thread(target=_invoke, args=(running, {"sleep": 60}), daemon=True)
    call.start()
    time.sleep(0.5)
    begin = time.monotonic()
    stack._end(running)
    assert time.monotonic() - begin < 8
    assert not Path(f"/proc/{child}").exists()


def test_the_state_is_kept_from_run_to_run(home: Path, runtime: Interpreter):
    first = stack._launch(home, stack._free_port(), lambda _: None)
    begin = time.monotonic()
    try:
        _client(first, "s3").create_bucket(Bucket="kept")
    finally:
        stack._end(first)
    assert time.monotonic() - begin < 10
    second = stack._launch(home, stack._free_port(), lambda _: None)
    try:
        assert _client(second, "s3").head_bucket(Bucket="kept")
        assert second.endpoint == first.endpoint
    finally:
        stack._end(second)


@pytest.mark.skipif(shutil.which("ss") is None, reason="ss is not installed")
def test_the_server_listens_on_loopback_alone(local):
    lines = subprocess.run(
        ["ss", "-ltnpH"], capture_output=True, text=True, check=False
    ).stdout.splitlines()
    own = [line.split()[3] for line in lines if f"pid={local.record.pid}," in line]
    assert own
    assert all(address.startswith("127.0.0.1:") for address in own)


def _client(running: state.Record, service: str):
    return local_session().client(service, endpoint_url=running.endpoint)


def _start_function(running: state.Record) -> int:
    """The process id of a function's environment."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", SOURCE)
    role = _client(running, "iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    client = _client(running, "lambda")
    client.create_function(
        FunctionName="f",
        Runtime="python3.13",
        Handler="app.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": buffer.getvalue()},
        Timeout=100,
    )
    answer = _invoke(running, {"sleep": 0})
    assert answer is not None
    return answer


def _invoke(running: state.Record, event: dict[str, int]) -> int | None:
    """The function's answer; None when the server goes away meanwhile."""
    client = _client(running, "lambda")
    try:
        answer = client.invoke(FunctionName="f", Payload=json.dumps(event))
        return int(json.loads(answer["Payload"].read()))
    except (BotoCoreError, ClientError, TypeError):
        return None
