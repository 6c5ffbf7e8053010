"""Training here: the same model as in a container, and errors in one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from training import local
from training.errors import InvalidSetting, MissingPackage, OutputRefused, ProcessFailed
from training.local import Stopped, train_locally


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


def test_ctrl_c_leaves_what_the_same_command_goes_on_from(elsewhere: Path, finished):
    """In the end there is the model that a container makes."""
    out = elsewhere / "out"
    line = "from infra.cli.main import main; main()"
    command = [sys.executable, "-P", "-c", line, "train", "tabular", "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=elsewhere) as process:
        for line in process.stderr or ():
            if line.strip().startswith("epoch=2 "):
                process.send_signal(signal.SIGINT)
                break
        _, said = process.communicate(timeout=300)
    assert process.returncode != 0
    assert f"stopped; the same command goes on from {out}/checkpoints" in said
    assert "Traceback" not in said
    with pytest.raises(
        ProcessFailed, match=f"got that of another job; empty .*: {out}/checkpoints"
    ):
        train_locally("tabular", {"epochs": "11"}, out, on_line=lambda _: None)

    lines: list[str] = []
    outcome = train_locally("tabular", {}, out, on_line=lines.append)
    assert lines[1].startswith("resumed_epoch=")
    assert (outcome.recipe, outcome.metric) == ("tabular", "accuracy")
    assert outcome.test > outcome.threshold > 0
    assert outcome.test > outcome.baseline > 0
    assert (out / "model.onnx").read_bytes() == (finished.model / "model.onnx").read_bytes()
    assert not (out / "checkpoints").exists()
    assert not list((elsewhere / "temporary").iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_would_end_the_command_stops_the_trainer(elsewhere: Path, number: signal.Signals):
    out = elsewhere / "out"
    line = "from infra.cli.main import main; main()"
    command = [sys.executable, "-P", "-c", line, "train", "tabular", "--set", "epochs=5000"]
    with subprocess.Popen(
        [*command, "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=elsewhere,
        env={**os.environ, "TMPDIR": str(elsewhere / "temporary")},
    ) as process:
        for line in process.stderr or ():
            if line.strip().startswith("epoch=2 "):
                (trainer,) = children_of(process.pid)
                process.send_signal(number)
                break
        _, said = process.communicate(timeout=300)
    assert process.returncode == 128 + number
    assert f"stopped; the same command goes on from {out}/checkpoints" in said
    assert "Traceback" not in said
    assert list(out.glob("checkpoints/training/step-*/manifest.json"))
    assert not Path(f"/proc/{trainer}").exists()
    assert not list((elsewhere / "temporary").glob("infermeter-*"))


def test_signals_are_as_before_and_ignored_ones_stay_so(elsewhere: Path, monkeypatch):
    before = signal.getsignal(signal.SIGTERM), signal.signal(signal.SIGHUP, signal.SIG_IGN)
    seen: list[object] = []

    def look(_: str) -> None:
        seen.extend(map(signal.getsignal, (signal.SIGTERM, signal.SIGHUP)))
        os.kill(os.getpid(), signal.SIGTERM)

    try:
        with pytest.raises(Stopped, match="SIGTERM"):
            train_locally("tabular", {"epochs": "5000"}, elsewhere / "out", on_line=look)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN is seen[1]
        assert signal.getsignal(signal.SIGTERM) is before[0] is not seen[0]
    finally:
        signal.signal(signal.SIGHUP, before[1])


def test_two_processes_make_the_model_of_one_to_rounding(elsewhere: Path, finished):
    lines: list[str] = []
    out = elsewhere / "out"
    outcome = train_locally("tabular", {}, out, processes=2, on_line=lines.append)
    # The first process speaks for both.
    assert len([line for line in lines if line.startswith("epoch=10 ")]) == 1
    found, expected = (
        {each.name: numpy_helper.to_array(each) for each in onnx.load(file).graph.initializer}
        for file in (out / "model.onnx", finished.model / "model.onnx")
    )
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-3, atol=1e-4)
    report = json.loads((finished.model / "evaluation" / "report.json").read_bytes())
    assert outcome.test == report["metrics"]["test"]["accuracy"]
    assert json.loads((out / "manifest.json").read_bytes())["lineage"]["training"]["processes"] == 2


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
    assert not list((elsewhere / "out").iterdir())


def test_trainer_that_dies_without_a_word(elsewhere: Path):
    # A stack of other tests, say.
    others = set(children_of(os.getpid()))

    def kill(_: str) -> None:
        for child in set(children_of(os.getpid())) - others:
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
