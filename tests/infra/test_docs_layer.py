"""The documentation layer: found by its package's name, small, and with its licences."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from layers.docs.build import COMPRESSED, SOURCE, PackageMissing, build

ROOT = Path(__file__).parents[2]

FIND = """
import sys
from importlib.util import find_spec
sys.path.insert(0, sys.argv[1])
print(find_spec("infermeter_docs").submodule_search_locations[0])
"""


@pytest.fixture(scope="session")
def package() -> Path:
    return build(root=ROOT) / "python" / "infermeter_docs"


def test_the_core_finds_it_by_name(package: Path) -> None:
    command = [sys.executable, "-I", "-S", "-c", FIND, str(package.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == package


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_large_file_is_compressed_and_whole(package: Path, name: str) -> None:
    assert (
        gzip.decompress((package / f"{name}.gz").read_bytes())
        == (ROOT / SOURCE / name).read_bytes()
    )


def test_licences_are_kept(package: Path) -> None:
    assert "Apache License" in (package / "LICENSE").read_text()
    assert "SmartBear" in (package / "NOTICE").read_text()
    assert "React" in (package / "swagger-ui-bundle.js.LICENSE.txt").read_text()


def test_two_builds_are_identical_to_the_byte(package: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / SOURCE, tmp_path / SOURCE)
    again = build(root=tmp_path) / "python" / "infermeter_docs"
    first, second = (
        {path.name: path.read_bytes() for path in folder.iterdir()} for folder in (package, again)
    )
    assert first == second


def test_it_loads_in_a_blink(package: Path) -> None:
    assert sum(path.stat().st_size for path in package.iterdir()) < 600_000


def test_without_the_npm_package_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(PackageMissing, match=r"expected .*swagger-ui-bundle.js, got none; run"):
        build(root=tmp_path)
