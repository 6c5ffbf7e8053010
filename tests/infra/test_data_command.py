"""`infermeter data`."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from infermeter.errors import InvalidRequest
from infra.cli.main import app
from training.recipe import RECIPES, load
from training.written import write_data

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(app, ["data", *map(str, arguments)])
    if result.exception is not None:
        raise result.exception
    return result


def test_says_what_it_wrote_as_json(tmp_path: Path) -> None:
    printed = json.loads(run("regression", "--out", tmp_path / "out", "--json").stdout)

    (file,) = (tmp_path / "out").iterdir()
    assert printed == {
        "recipe": "regression",
        "folder": f"{tmp_path / 'out'}",
        "files": 1,
        "bytes": file.stat().st_size,
        "digest": write_data("regression", {}, tmp_path / "again").digest,
    }


def test_says_what_to_type_next(tmp_path: Path) -> None:
    out = tmp_path / "a folder"
    wine = ("--set", "source=wine", "--set", "components=0")
    result = run("tabular", "--out", out, *wine)

    train, copy, start = (
        line.strip()
        for line in result.stderr.splitlines()
        if line.strip().startswith(("next: ", "or: ", "and "))
    )
    assert shlex.split(train.removeprefix("next: ")) == [
        *("infermeter", "train", "tabular", "--data", f"{out}"),
        *wine,
    ]
    assert copy.endswith(f"cp --recursive '{out}' s3://<TrainingBucket>/data/tabular/")
    document = json.loads(start[start.index("{") :])
    assert document.pop("data") == "s3://<TrainingBucket>/data/tabular/"
    assert document == {
        "recipe": "tabular",
        "name": "tabular",
        "alias": "prod",
        "hyperparameters": {"source": "wine", "components": "0"},
    }
    assert load(document["recipe"], document["hyperparameters"]).data.source == "wine"


def test_a_recipe_of_ones_own_is_not_in_the_cloud(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text((RECIPES / "regression.toml").read_text())
    result = run(mine, "--out", tmp_path / "out")
    assert f"infermeter train {mine} --data" in result.stderr
    assert "s3://" not in result.stderr


def test_a_setting_without_a_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="--set: expected KEY=VALUE"):
        run("regression", "--out", tmp_path / "out", "--set", "seed")
