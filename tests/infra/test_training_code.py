from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.constructs.training_code import stage

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a little of everything that the job needs."""
    for path, content in {
        "training/bootstrap.py": "start",
        "training/train.py": "train",
        "training/recipes/tabular.toml": "recipe",
        "training/__pycache__/train.pyc": "compiled",
        "training/requirements.txt": "# nothing\n",
        "layers/core/python/infermeter/manifest.py": "manifest",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    return tmp_path


def test_the_code_is_a_program_with_its_packages(root: Path) -> None:
    staged = stage(root=root, python="3.12")
    files = {path.relative_to(staged).as_posix() for path in staged.rglob("*") if path.is_file()}
    assert files == {
        "__main__.py",
        "training/bootstrap.py",
        "training/train.py",
        "training/recipes/tabular.toml",
        "training/requirements.txt",
        "infermeter/manifest.py",
    }
    assert (staged / "__main__.py").read_text() == "start"
    assert (staged / "packages").is_dir()


def test_equal_sources_give_the_same_folder(root: Path) -> None:
    assert stage(root=root, python="3.12") == stage(root=root, python="3.12")


def test_a_changed_source_gives_another(root: Path) -> None:
    before = stage(root=root, python="3.12")
    (root / "training/train.py").write_text("train better")
    after = stage(root=root, python="3.12")
    assert after != before
    assert (after / "training/train.py").read_text() == "train better"


def test_a_missing_entry_point_is_an_error(root: Path) -> None:
    (root / "training/bootstrap.py").unlink()
    with pytest.raises(FileNotFoundError, match=r"bootstrap\.py"):
        stage(root=root, python="3.12")
