"""`infermeter train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.cli import models
from infra.cli.main import app
from training import local
from training.local import TrainingOutcome
from training.recipe import RECIPES


@pytest.fixture
def outs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Where the results of a trainer that takes no time go."""
    given = []

    def train(recipe: str, _: object, out: Path, **__: object) -> TrainingOutcome:
        given.append(out)
        return TrainingOutcome(recipe, "accuracy", 0.9, 0.8, 0.7, 1.5, out.absolute())

    monkeypatch.setattr(local, "train_locally", train)
    monkeypatch.setattr(models, "ARTIFACTS", tmp_path / "artifacts")
    return given


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(app, ["train", *map(str, arguments)])
    if result.exception is not None:
        raise result.exception
    return result


def test_json_is_what_scripts_rely_on(outs: list[Path], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert json.loads(run("tabular", "--out", "here", "--json").stdout) == {
        "recipe": "tabular",
        "metric": "accuracy",
        "test": 0.9,
        "baseline": 0.8,
        "seconds": 1.5,
        "artifact": str(tmp_path / "here"),
    }
    assert outs == [Path("here")]


def test_result_of_a_file_goes_by_the_recipes_name(outs: list[Path], tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text((RECIPES / "tabular.toml").read_text().replace('"tabular"', '"own"', 1))
    run(file)
    assert outs == [tmp_path / "artifacts" / "own"]
