"""The training process: its exit codes and what it leaves behind."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.training.trees import make_tree, start, trainer
from training import train
from training.data.tables.channel import write_csv
from training.job import failure_file

if TYPE_CHECKING:
    from pathlib import Path

# Long enough to be stopped in the middle, short enough to finish.
LONG = {"recipe": "tabular", "epochs": "150", "batch_size": "64"}


def test_wrong_setting_leaves_the_reason_and_no_traceback(tmp_path: Path):
    with trainer(make_tree(tmp_path, {"recipe": "tabular", "epochs": "ten"})) as process:
        stdout, stderr = process.communicate(timeout=60)
    reason = failure_file(tmp_path).read_text()
    assert reason.startswith("recipe field 'epochs': expected a whole number")
    assert (process.returncode, stdout, stderr) == (1, "", f"{reason}\n")


def test_wrong_setting_is_found_without_importing_torch(tmp_path: Path):
    make_tree(tmp_path, {"recipe": "none"})
    code = (
        "import sys; from training.train import main;"
        "code = main(); sys.exit(99 if 'torch' in sys.modules else code)"
    )
    with start(tmp_path, "-c", code) as process:
        process.communicate(timeout=60)
    assert process.returncode == 1


def test_wrong_data_leaves_file_line_and_reason(tmp_path: Path, recipe, monkeypatch):
    make_tree(tmp_path, {"recipe": "tabular"}, {"training": {}})
    file = write_csv(recipe, tmp_path / "input" / "data" / "training")
    file.write_text(file.read_text().replace("\n0,", "\nzero,", 1))
    monkeypatch.setenv("INFERMETER_ML_ROOT", str(tmp_path))
    assert train.main() == 1
    reason = failure_file(tmp_path).read_text()
    assert reason == "digits.csv, line 2, column 'pixel_0': expected a finite float32, got 'zero'"


def test_defect_leaves_its_cause_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by nought")

    monkeypatch.setenv("INFERMETER_ML_ROOT", str(tmp_path))
    monkeypatch.setattr(train, "_run", broken)
    with pytest.raises(ZeroDivisionError):
        train.main()
    reason = failure_file(tmp_path).read_text()
    assert reason.startswith("ZeroDivisionError: by nought\nTraceback")


def test_stopped_by_sigterm_and_resumed_gives_the_same_model(tmp_path: Path, monkeypatch):
    stopped, whole = make_tree(tmp_path / "stopped", LONG), make_tree(tmp_path / "whole", LONG)
    with trainer(stopped) as process:
        for line in process.stdout or ():
            if line.startswith("epoch=3 "):
                process.send_signal(signal.SIGTERM)
                break
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "stopped by SIGTERM after step" in stderr
    assert list((stopped / "checkpoints" / "training").glob("step-*/manifest.json"))
    assert not (stopped / "model" / "model.onnx").exists()
    for root in (stopped, whole):
        monkeypatch.setenv("INFERMETER_ML_ROOT", str(root))
        assert train.main() == 0
    for name in ("model.onnx", "manifest.json"):
        assert (stopped / "model" / name).read_bytes() == (whole / "model" / name).read_bytes()


@pytest.mark.parametrize(
    "module", ["training.local", "training.recipe", "training.data.tables.channel"]
)
def test_import_brings_no_torch(module: str):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
