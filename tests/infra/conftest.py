"""Two syntheses per session, at once, in the two ways that the app is started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.templates import Assembly

ROOT = Path(__file__).parents[2]


def start(script: str, folder: Path, out: Path) -> subprocess.Popen[str]:
    # No credentials and no region: nothing may be looked up.
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = own | {
        "CDK_OUTDIR": str(out),
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20,21,23",
    }
    return subprocess.Popen(
        [sys.executable, script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="session")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Assembly, Assembly]:
    outs = (tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("infra"))
    runs = [start("infra/app.py", ROOT, outs[0]), start("app.py", ROOT / "infra", outs[1])]
    for run in runs:
        output, _ = run.communicate(timeout=300)
        assert run.returncode == 0, output
    return Assembly(outs[0]), Assembly(outs[1])


@pytest.fixture(scope="session")
def assembly(assemblies: tuple[Assembly, Assembly]) -> Assembly:
    return assemblies[0]
