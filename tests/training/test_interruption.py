"""Real processes, really killed: two hosts with a folder each, and one that gets no signal."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests.training.trees import REPOSITORY, code_archive, make_tree, trainer
from training import bootstrap, train
from training.bootstrap import World, command, environment
from training.job import failure_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

JOB = {"recipe": "tabular", "epochs": "4", "batch_size": "64", "strategy": "fsdp"}
# Two names of this machine; the first leads.
HOSTS = ("127.0.0.1", "localhost")


@pytest.fixture
def port() -> int:
    """One that is free, for the hosts to meet at."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


def container(root: Path, number: int, port: int) -> subprocess.Popen[str]:
    """What SageMaker starts on one of the two hosts: Python on the code channel's zip."""
    config = {"current_host": HOSTS[number], "hosts": HOSTS, "network_interface_name": "lo"}
    (root / "input" / "config" / "resourceconfig.json").write_text(json.dumps(config))
    return launched(root, [sys.executable, str(code_archive(root / "code.zip", {}, port))], {})


def failing(root: Path, number: int) -> subprocess.Popen[str]:
    """What that becomes, but for the trainer, whose second process fails."""
    world = World(HOSTS, HOSTS[number], 1, "lo")
    line = [*command(world)[:-1], "tests.training.failing"]
    return launched(root, line, environment(REPOSITORY, world))


def launched(root: Path, line: list[str], variables: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        line,
        env={**os.environ, **variables, "INFERMETER_ML_ROOT": str(root)},
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def weights(root: Path) -> dict[str, np.ndarray]:
    graph = onnx.load(root / "model" / "model.onnx").graph
    return {each.name: numpy_helper.to_array(each) for each in graph.initializer}


def test_two_hosts_stopped_by_sigterm_go_on(tmp_path: Path, port: int, monkeypatch):
    roots = [make_tree(tmp_path / name, JOB) for name in HOSTS]
    first, second = (container(root, number, port) for number, root in enumerate(roots))
    with first, second:
        for line in first.stdout or ():
            if line.startswith("epoch=2 "):
                first.send_signal(signal.SIGTERM)
                second.send_signal(signal.SIGTERM)
                break
        said = [process.communicate(timeout=300)[1] for process in (first, second)]
    assert first.returncode != 0 != second.returncode
    for text in said:
        assert "stopped by SIGTERM after step" in text
    saved = [root / "checkpoints" / "training" for root in roots]
    (folder,) = {folder.name for place in saved for folder in place.iterdir()}
    manifest = json.loads((saved[0] / folder / "manifest.json").read_bytes())
    # Each host has what its process wrote; together it is what the manifest names.
    names = [{file.name for file in (place / folder).iterdir()} for place in saved]
    assert manifest["files"].keys() == (names[0] | names[1]) - {"manifest.json"}
    assert "__1_0.distcp" in names[1] - names[0]
    # SageMaker brings to each host what lies below the job's prefix.
    for place, other in (saved, saved[::-1]):
        shutil.copytree(place, other, dirs_exist_ok=True)

    first, second = (container(root, number, port) for number, root in enumerate(roots))
    with first, second:
        said = [process.communicate(timeout=300) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    step = folder.removeprefix("step-")
    assert f" resumed_step={step}\n" in said[0][0]
    # The first process speaks and writes for both.
    assert said[1][0] == ""
    assert not (roots[1] / "model").exists()

    alone = make_tree(tmp_path / "alone", JOB)
    monkeypatch.setenv("INFERMETER_ML_ROOT", str(alone))
    assert train.main() == 0
    found, expected = weights(roots[0]), weights(alone)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-3, atol=1e-4)


def test_reason_of_the_host_that_failed_first_is_every_ones(tmp_path: Path, port: int, monkeypatch):
    monkeypatch.setattr(bootstrap, "PORT", port)
    roots = [make_tree(tmp_path / name, JOB) for name in HOSTS]
    first, second = (failing(root, number) for number, root in enumerate(roots))
    with first, second:
        for process in (first, second):
            # Nobody waits for the one that is gone.
            process.communicate(timeout=300)
    assert first.returncode != 0 != second.returncode
    reason = "ZeroDivisionError: the second process, at step 5\nTraceback"
    for root in roots:
        assert failure_file(root).read_text().startswith(reason)


def test_killed_without_a_signal_goes_on_from_the_last_checkpoint(tmp_path: Path, monkeypatch):
    often = {**JOB, "epochs": "60", "checkpoint_minutes": "0.01"}
    killed, whole = make_tree(tmp_path / "killed", often), make_tree(tmp_path / "whole", often)
    saved = killed / "checkpoints" / "training"
    with trainer(killed) as process:
        for _ in process.stdout or ():
            if len(list(saved.glob("step-*/manifest.json"))) == 2:
                process.kill()
                break
        process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL
    steps = {int(file.parent.name[5:]) for file in saved.glob("step-*/manifest.json")}
    with trainer(killed) as process:
        stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert int(stdout.split(" resumed_step=")[1].split()[0]) == max(steps)
    monkeypatch.setenv("INFERMETER_ML_ROOT", str(whole))
    assert train.main() == 0
    for name in ("model.onnx", "manifest.json"):
        assert (killed / "model" / name).read_bytes() == (whole / "model" / name).read_bytes()
