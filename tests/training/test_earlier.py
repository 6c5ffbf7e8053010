"""What an earlier result leaves for the next one."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from training.earlier import remove_earlier

if TYPE_CHECKING:
    from pathlib import Path

    from tests.training.conftest import FinishedJob


@pytest.fixture
def out(tmp_path: Path, finished: FinishedJob) -> Path:
    """An artefact of more files than most have, and files of somebody's own."""
    folder = tmp_path / "out"
    shutil.copytree(finished.model, folder)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    more = {"path": "generation/step.onnx", "size": 0, "sha256": "0" * 64}
    manifest["files"].append(more)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    for name in ("generation/step.onnx", "evaluation/compression.json", "checkpoints/x", "own.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    return folder


def left(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*")}


def test_only_what_is_not_the_earlier_results_stays(out: Path) -> None:
    remove_earlier(out)
    assert left(out) == {"own.txt", "checkpoints", "checkpoints/x"}


def test_files_of_ones_own_beside_it_stay(out: Path) -> None:
    (out / "generation" / "notes.txt").touch()
    remove_earlier(out)
    assert left(out / "generation") == {"notes.txt"}


@pytest.mark.parametrize("change", ["none", "another", "no report", "no lineage"])
def test_folder_that_is_no_result_of_the_trainer_keeps_everything(out: Path, change: str) -> None:
    file = out / "manifest.json"
    if change == "none":
        file.unlink()
    elif change == "another":
        file.write_text('{"name": "a"}')
    elif change == "no report":
        (out / "evaluation" / "report.json").unlink()
    else:
        file.write_text(json.dumps({**json.loads(file.read_bytes()), "lineage": {}}))
    before = left(out)
    remove_earlier(out)
    assert left(out) == before
