"""Over-fitting is seen, and what is said to help helps: two seeds, and a higher rate for fewer
epochs than the command takes by itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.training.figures.pictures import read, texts
from training.figures.overfitting import draw_overfitting
from training.overfitting import NONE, VARIANTS, main

if TYPE_CHECKING:
    from pathlib import Path

QUICK = (
    "--seeds",
    "2",
    "--set",
    "epochs=50",
    "--set",
    "learning_rate=5e-3",
    "--set",
    "batch_size=32",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("overfitting")
    assert main(["--out", str(out), *QUICK]) == 0
    return out


@pytest.fixture(scope="module")
def document(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "overfitting.json").read_bytes())


def test_without_regularization_the_validation_loss_rises_while_the_training_loss_falls(document):
    for run in document["variants"][NONE]["runs"]:
        assert run["val_loss"][-1] > 1.1 * min(run["val_loss"])
        assert run["train_loss"][-1] < 0.8 * run["train_loss"][np.argmin(run["val_loss"])]


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != NONE])
def test_each_means_helps_on_rows_that_were_not_trained_on(document, name: str):
    without, found = document["variants"][NONE], document["variants"][name]
    assert found["train_r2"] < without["train_r2"]
    assert found["test_r2"] > without["test_r2"]
    assert found["gain"] == pytest.approx(found["test_r2"] - without["test_r2"], abs=2e-6)
    assert found["seeds_better"] == 2
    assert 0 < found["gain_interval"][0] <= found["gain"] <= found["gain_interval"][1]


def test_early_stopping_keeps_the_best_epoch_and_ends(document):
    for run in document["variants"]["early stopping"]["runs"]:
        assert run["epoch_kept"] < len(run["val_loss"]) < 50


def test_figure_is_of_the_numbers_and_of_nothing_else(folder: Path, document):
    picture = (folder / "overfitting.svg").read_bytes()
    assert draw_overfitting(document) == picture
    written = texts(read(picture))
    for name, found in document["variants"].items():
        assert written.count(name) == 2
        assert f"{found['test_r2']:.3f}" in written


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seeds", "0"), "'seeds': expected 1 or more, got 0"),
        (("--set", "epoch=3"), "'epoch': expected one of"),
        (("--set", "epochs"), "'epochs': expected a whole number"),
    ],
)
def test_wrong_argument_says_what_is_expected(tmp_path: Path, capsys, arguments, message: str):
    assert main(["--out", str(tmp_path), *arguments]) == 1
    assert message in capsys.readouterr().err


def test_folder_that_cannot_be_made_says_so(tmp_path: Path, capsys):
    (tmp_path / "file").touch()
    assert main(["--out", str(tmp_path / "file")]) == 1
    assert "output: expected a folder that can be written" in capsys.readouterr().err
