from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from infra.wheels import WheelError, build_once, digest, install, remove

if TYPE_CHECKING:
    from pathlib import Path


def test_of_two_builders_at_once_one_builds(tmp_path: Path) -> None:
    built: list[Path] = []

    def fill(target: Path) -> None:
        built.append(target)
        time.sleep(0.1)
        (target / "file").write_text("content")

    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda _: build_once(tmp_path / "a" / "b", fill), range(2)))
    assert len(built) == 1
    assert [(folder / "file").read_text() for folder in folders] == ["content", "content"]


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fill(target: Path) -> None:
        (target / "half").touch()
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        build_once(tmp_path / "layer", fill)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_what_pip_refuses_is_said_in_one_line(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("not a requirement\n")
    with pytest.raises(WheelError, match=r"cannot install .* for Python 3.13 on arm64: ERROR: .+"):
        install(requirements=requirements, into=tmp_path / "x", python="3.13", architecture="arm64")


def test_remove_deletes_files_and_folders_and_counts_them(tmp_path: Path) -> None:
    (tmp_path / "tests" / "deep").mkdir(parents=True)
    (tmp_path / "tests.py").touch()
    (tmp_path / "kept.py").touch()
    assert remove(tmp_path, "tests*") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["kept.py"]


def test_the_digest_tells_the_parts_apart() -> None:
    assert digest(b"ab", b"c") != digest(b"a", b"bc")
