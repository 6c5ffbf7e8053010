"""The first process of a training container: unpacks the code and becomes the trainer.

This file is `__main__.py` at the root of the code zip, beside the packages `training` and
`infermeter` and the folder `packages/` with what the image lacks; a container starts it as
`python <zip>`. It replaces itself by the trainer, so that SIGTERM reaches the trainer, and uses
the standard library only.
"""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

TRAINER = "training.train"
# SageMaker kills 120 s after SIGTERM; the checkpoint has this long, the launcher the rest.
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-stopping.html
SHUTDOWN_TIMEOUT_S = 100
PORT = 29500


class World(NamedTuple):
    """The processes of the job: `processes` on each of `hosts`, this one being `host`."""

    hosts: tuple[str, ...]
    host: str
    processes: int
    interface: str

    @property
    def size(self) -> int:
        """Over all hosts."""
        return len(self.hosts) * self.processes


def read_world(root: Path, devices: Path = Path("/dev")) -> World:
    """Hosts by SageMaker's resource configuration, one process for each GPU here, at least one.

    Raises ValueError for a configuration that is none.
    """
    file = root / "input" / "config" / "resourceconfig.json"
    config = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if not isinstance(config, dict):
        raise ValueError(f"{file.name}: expected a JSON object, got {config!r}")  # noqa: TRY004
    host = config.get("current_host", "algo-1")
    hosts = config.get("hosts", [host])
    if not isinstance(hosts, list) or host not in hosts or any(type(x) is not str for x in hosts):
        raise ValueError(f"{file.name}: expected 'hosts' with {host!r} among them, got {hosts!r}")
    hosts = tuple(sorted(hosts))
    gpus = sum(device.name[len("nvidia") :].isdigit() for device in devices.glob("nvidia*"))
    return World(hosts, host, max(1, gpus), config.get("network_interface_name", ""))


def command(world: World) -> list[str]:
    """The trainer's command line: plain Python for one process, torchrun for more."""
    if world.size == 1:
        return [sys.executable, "-m", TRAINER]
    meeting = [
        *("--nnodes", str(len(world.hosts)), "--node-rank", str(world.hosts.index(world.host))),
        *("--master-addr", world.hosts[0], "--master-port", str(PORT)),
    ]
    return [
        *(sys.executable, "-m", "torch.distributed.run"),
        # One host alone takes a port that is free.
        *(meeting if len(world.hosts) > 1 else ["--standalone"]),
        *("--nproc-per-node", str(world.processes)),
        *("--shutdown-timeout", str(SHUTDOWN_TIMEOUT_S)),
        *("-m", TRAINER),
    ]


def environment(code: Path, world: World) -> dict[str, str]:
    """This process's environment with the code on the path, and nothing of the working folder."""
    given = os.environ
    variables = {
        **given,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(code), given.get("PYTHONPATH")))),
        "PYTHONSAFEPATH": "1",
    }
    packages = code / "packages"
    if packages.is_dir():
        variables["INFERMETER_EXTRA_PACKAGES"] = str(packages)
    if world.size > 1 and world.interface:
        variables["NCCL_SOCKET_IFNAME"] = variables["GLOO_SOCKET_IFNAME"] = world.interface
    return variables


def main(archive: Path) -> None:
    """Unpack the archive to `code/` below the ml root and exec the trainer; never returns."""
    root = Path(os.environ.get("INFERMETER_ML_ROOT", "/opt/ml"))
    code, failure = root / "code", root / "output" / "failure"
    # The first reason counts; an earlier attempt's is none.
    failure.unlink(missing_ok=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(code)
        world = read_world(root)
        os.execve(sys.executable, command(world), environment(code, world))  # noqa: S606
    except (OSError, ValueError) as error:
        failure.parent.mkdir(parents=True, exist_ok=True)
        failure.write_text(f"the trainer could not be started: {error}"[:1024], encoding="utf-8")
        sys.exit(f"the trainer could not be started: {error}")


if __name__ == "__main__":
    main(Path(sys.argv[0]).resolve())
