"""The reference recipe, its data, and one finished job that many tests look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.training.trees import code_archive, make_tree, start
from training.data.tables.channel import write_csv
from training.data.tables.dataset import TabularDataset, read_dataset
from training.recipe import Recipe, load

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class FinishedJob:
    """A job's tree after it ended, and what the process said."""

    root: Path
    code: int
    stdout: str
    stderr: str

    @property
    def model(self) -> Path:
        return self.root / "model"


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    return load("tabular", {})


@pytest.fixture(scope="session")
def dataset(recipe: Recipe) -> TabularDataset:
    return read_dataset(recipe, None)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> FinishedJob:
    """The reference recipe as a container runs it: the zip, the data in its channel."""
    root = tmp_path_factory.mktemp("ml")
    make_tree(root, {"recipe": "tabular"}, {"training": {}, "code": {}})
    write_csv(recipe, root / "input" / "data" / "training")
    (root / "input" / "data" / "code").mkdir()
    # An extra package of a name that the image has must not take its place.
    archive = code_archive(
        root / "input" / "data" / "code" / "asset.zip",
        {"numpy.py": "raise ImportError('the extra numpy came first')"},
    )
    with start(root, str(archive)) as process:
        stdout, stderr = process.communicate(timeout=120)
    return FinishedJob(root, process.returncode, stdout, stderr)
