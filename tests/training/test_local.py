"""Training here: the same model as in a container, and errors in one line."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest

from training import local
from training.errors import InvalidSetting, MissingPackage, OutputRefused, ProcessFailed
from training.local import train_locally


def unexpected(line: str) -> None:
    pytest.fail(f"the trainer was started and said {line}")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a package of the trainer's name, and temporary files below it."""
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "__init__.py").write_text("raise ImportError('the wrong one')")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path


def test_same_model_as_in_a_container(elsewhere: Path, finished):
    lines: list[str] = []
    outcome = train_locally("tabular", {}, elsewhere / "out", on_line=lines.append)
    assert (outcome.recipe, outcome.metric) == ("tabular", "accuracy")
    assert outcome.test > outcome.threshold > 0
    assert outcome.test > outcome.baseline > 0
    assert lines[1].startswith("epoch=1 ")
    trained, model = outcome.artifact / "model.onnx", finished.model / "model.onnx"
    assert trained.read_bytes() == model.read_bytes()
    assert not list((elsewhere / "temporary").iterdir())


def test_ctrl_c_stops_the_trainer(elsewhere: Path):
    others = set(children_of(os.getpid()))
    children: set[int] = set()

    def press(line: str) -> None:
        if line.startswith("epoch=1 "):
            children.update(set(children_of(os.getpid())) - others)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_locally("tabular", {"epochs": "5000"}, elsewhere / "out", on_line=press)
    assert children
    assert not children & set(children_of(os.getpid()))
    assert not list((elsewhere / "temporary").iterdir())


def children_of(process: int) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{process}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


def test_wrong_setting_is_refused_before_anything_starts(tmp_path: Path):
    with pytest.raises(InvalidSetting, match="'epochs'"):
        train_locally("tabular", {"epochs": "0"}, tmp_path / "out", on_line=unexpected)
    assert not (tmp_path / "out").exists()


def test_trainers_own_message_comes_back(elsewhere: Path):
    with pytest.raises(ProcessFailed, match=r"^recipe field 'components': expected at most 64"):
        train_locally("tabular", {"components": "65"}, elsewhere / "out", on_line=lambda _: None)


def test_trainer_that_dies_without_a_word(elsewhere: Path):
    def kill(_: str) -> None:
        for child in children_of(os.getpid()):
            os.kill(child, signal.SIGKILL)

    with pytest.raises(ProcessFailed, match="ended with exit code -9: recipe=tabular"):
        train_locally("tabular", {"epochs": "5000"}, elsewhere / "out", on_line=kill)


def test_output_that_is_a_file(tmp_path: Path):
    (tmp_path / "out").touch()
    with pytest.raises(OutputRefused, match=r"got '.*out': File exists"):
        train_locally("tabular", {}, tmp_path / "out", on_line=unexpected)


def test_missing_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local, "NEEDED", ("torch_of_tomorrow",))
    with pytest.raises(MissingPackage, match=r"'torch_of_tomorrow'.*infermeter\[training\]"):
        train_locally("tabular", {}, tmp_path / "out", on_line=unexpected)
