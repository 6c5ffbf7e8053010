"""The container's first process."""

from __future__ import annotations

import json
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from training.bootstrap import World, command, environment, main, read_world

if TYPE_CHECKING:
    from pathlib import Path

ONE = World(("algo-1",), "algo-1", 1, "")


def test_no_configuration_and_no_gpu_is_one_process(tmp_path: Path):
    assert read_world(tmp_path, devices=tmp_path) == ONE


def test_one_process_for_each_gpu(tmp_path: Path):
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert read_world(tmp_path, devices=tmp_path).processes == 2


def test_hosts_come_from_the_resource_configuration(tmp_path: Path):
    file = tmp_path / "input" / "config" / "resourceconfig.json"
    file.parent.mkdir(parents=True)
    config = {"current_host": "algo-2", "hosts": ["algo-2", "algo-1"]}
    file.write_text(json.dumps({**config, "network_interface_name": "eth0"}))
    assert read_world(tmp_path, tmp_path) == World(("algo-1", "algo-2"), "algo-2", 1, "eth0")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", r"resourceconfig.json: expected a JSON object, got \[\]"),
        ('{"hosts": "algo-1"}', "expected 'hosts' with 'algo-1' among them, got 'algo-1'"),
        ('{"current_host": "algo-2", "hosts": ["algo-1"]}', "with 'algo-2' among them"),
        ('{"hosts": ["algo-1", 2]}', "with 'algo-1' among them"),
    ],
)
def test_wrong_resource_configuration_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
):
    archive = tmp_path / "code.zip"
    zipfile.ZipFile(archive, "w").close()
    file = tmp_path / "input" / "config" / "resourceconfig.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    monkeypatch.setenv("INFERMETER_ML_ROOT", str(tmp_path))
    with pytest.raises(SystemExit, match=message):
        main(archive)
    reason = (tmp_path / "output" / "failure").read_text()
    assert reason.startswith("the trainer could not be started: resourceconfig.json: expected")


def test_one_process_is_plain_python():
    assert command(ONE) == [sys.executable, "-m", "training.train"]


def test_more_are_launched_by_torchrun():
    line = " ".join(command(World(("algo-1", "algo-2"), "algo-2", 4, "eth0"))[1:])
    assert line == (
        "-m torch.distributed.run --nnodes 2 --node-rank 1 --master-addr algo-1 "
        "--master-port 29500 --nproc-per-node 4 --shutdown-timeout 100 -m training.train"
    )


def test_more_on_one_host_meet_at_a_port_that_is_free():
    line = " ".join(command(ONE._replace(processes=4))[1:])
    assert line == (
        "-m torch.distributed.run --standalone --nproc-per-node 4 "
        "--shutdown-timeout 100 -m training.train"
    )


def test_code_comes_first_and_packages_come_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", "/already")
    (tmp_path / "packages").mkdir()
    variables = environment(tmp_path, ONE)
    assert variables["PYTHONPATH"] == f"{tmp_path}:/already"
    assert variables["PYTHONSAFEPATH"] == "1"
    assert variables["INFERMETER_EXTRA_PACKAGES"] == str(tmp_path / "packages")


def test_network_interface_is_told_to_several_hosts(tmp_path: Path):
    assert "NCCL_SOCKET_IFNAME" not in environment(tmp_path, ONE._replace(interface="eth0"))
    two = World(("algo-1", "algo-2"), "algo-1", 1, "eth0")
    assert environment(tmp_path, two)["NCCL_SOCKET_IFNAME"] == "eth0"
