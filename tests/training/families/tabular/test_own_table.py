"""A table that no recipe knows, from files to an answer: a row of words and numbers in."""

from __future__ import annotations

import csv
import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest
import torch

from infermeter.manifest import Manifest
from tests.training.tiny import ALONE, Forgetful
from training.data.channel_files import channel_files
from training.data.tables.categories import Expansion
from training.data.tables.channel import read_channel
from training.errors import InvalidData
from training.evaluation.classes import ClassEvaluation
from training.export import run_module
from training.families.tabular.family import Tabular
from training.families.tabular.network import Expand
from training.local import TrainingOutcome, _link_channel, train_locally
from training.recipe import load
from training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CITIES = {"Bern": 7.0, "Łódź": 3.0, "Rome": 4.0}


def write_homes(folder: Path) -> None:
    """Prices of homes of 300 owners, in two files; a square metre's depends on the city."""
    random = np.random.default_rng(0)
    folder.mkdir()
    for name in ("homes-1", "homes-2"):
        with (folder / f"{name}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["owner", "area", "rooms", "city", "price"])
            for _ in range(600):
                area, city = random.uniform(30, 200), random.choice([*CITIES])
                rooms = "" if random.uniform() < 0.05 else random.integers(1, 7)
                price = area * CITIES[city] + random.normal(0, 20)
                owner = f"owner {random.integers(300)}"
                writer.writerow([owner, f"{area:.1f}", rooms, city, f"{price:.2f}"])


SETTINGS = {
    "label": "price",
    "categorical": "city",
    "group": "owner",
    "missing": "mean",
    "epochs": "25",
    "learning_rate": "0.01",
    "dropout": "0",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("homes") / "data"
    write_homes(folder)
    return folder


@pytest.fixture(scope="module")
def outcome(folder: Path) -> TrainingOutcome:
    out = folder.parent / "out"
    return train_locally("regression", SETTINGS, out, data=folder, on_line=lambda _: None)


@pytest.fixture(scope="module")
def manifest(outcome: TrainingOutcome) -> Manifest:
    return Manifest.from_json((outcome.artifact / "manifest.json").read_bytes())


def test_price_depends_on_the_city_as_no_line_does(outcome: TrainingOutcome):
    assert outcome.test > 0.97
    assert outcome.test > outcome.baseline


def test_readable_row_in_price_out(outcome: TrainingOutcome, manifest: Manifest):
    """What a caller does by the manifest alone."""
    columns = manifest.preprocessing.removeprefix("features are the columns ")
    assert columns.startswith("area, rooms, city, not standardised")
    assert manifest.preprocessing.endswith("; for a missing value give NaN")
    text = manifest.preprocessing.split("stands for it: ")[1]
    numbers = json.JSONDecoder().raw_decode(text)[0]["city"]
    assert numbers == {"Bern": 0, "Rome": 1, "Łódź": 2}
    session = onnxruntime.InferenceSession(outcome.artifact / "model.onnx")

    def price(area: float, rooms: float, city: str) -> float:
        row = np.array([[area, rooms, numbers.get(city, -1)]], np.float32)
        return float(session.run(None, {"features": row})[0][0, 0])

    for city, metre in CITIES.items():
        assert price(100, 3, city) == pytest.approx(100 * metre, abs=40)
        assert price(100, float("nan"), city) == pytest.approx(100 * metre, abs=40)
    # Of a city that it never saw it knows the size alone.
    assert np.isfinite(price(100, 3, "Paris"))
    assert price(100, 3, "Paris") != price(100, 3, "Bern")
    assert price(100, 3, "Paris") == price(100, 3, "Oslo")


def test_lineage_names_the_files_and_the_settings(
    folder: Path, outcome: TrainingOutcome, manifest: Manifest
):
    data = manifest.lineage["data"]
    assert [file["path"] for file in data["files"]] == ["homes-1.csv", "homes-2.csv"]
    content = (folder / "homes-2.csv").read_bytes()
    assert data["files"][1]["sha256"] == hashlib.sha256(content).hexdigest()
    assert data["files"][1]["size"] == len(content)
    assert data["rows"]["read"] == data["rows"]["kept"] == 1200
    assert data["rows"]["missing"] > 30
    assert manifest.lineage["recipe"]["data"]["group"] == "owner"
    listing = (outcome.artifact / "evaluation" / "channel.sha256").read_text()
    assert listing.splitlines()[1] == f"{hashlib.sha256(content).hexdigest()}  homes-2.csv"


def test_one_file_is_a_channel_too(folder: Path, tmp_path: Path):
    _link_channel(tmp_path, folder / "homes-2.csv")
    channel = tmp_path / "input" / "data" / "training"
    assert len(read_channel(load("regression", SETTINGS), channel).labels) == 600
    assert [file.path for file in channel_files(channel)] == ["homes-2.csv"]


def test_data_that_is_not_there_is_refused(folder: Path, tmp_path: Path):
    def note(line: str) -> None:
        assert "epoch" not in line

    with pytest.raises(InvalidData, match=r"data: expected a folder or a file, got '.*missing'"):
        train_locally("regression", SETTINGS, tmp_path, data=folder / "missing", on_line=note)


def test_expansion_in_the_graph_is_that_of_the_baseline():
    expansion = Expansion(np.array([0, 1, 1, 1, 2]), np.array([-2, 0, 1, 2, -2]))
    values = np.array([[0.5, 2, 0], [-2, -1, 7], [1, np.nan, np.nan], [1, 5, 1]], np.float32)
    expected = [[0.5, 0, 0, 1, 0], [-2, 0, 0, 0, 7], [1, 0, 0, 0, np.nan], [1, 0, 0, 0, 1]]
    np.testing.assert_array_equal(expansion.expand(values), expected)
    np.testing.assert_array_equal(Expand(expansion)(torch.from_numpy(values)), expected)


def write_rare(folder: Path) -> None:
    """One row in thirty is `fraud`, among others that look like it."""
    random = np.random.default_rng(0)
    folder.mkdir()
    fraud = np.arange(3000) % 30 == 0
    amounts = random.normal(size=(3000, 3)) + 1.2 * fraud[:, None]
    with (folder / "payments.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "c", "kind"])
        writer.writerows(
            (*row, "fraud" if rare else "fair")
            for row, rare in zip(amounts.round(4), fraud, strict=True)
        )


def judged(folder: Path, weights: str) -> ClassEvaluation:
    """The test split's figures after training with these class weights."""
    settings = {"label": "kind", "class_weights": weights, "epochs": "6", "keep": "last"}
    family = Tabular(load("tabular", {**settings, "hidden": "8", "batch_size": "64"}))
    torch.manual_seed(0)
    dataset = family.read(folder)
    network = family.network(dataset)
    checkpoint: Any = Forgetful()
    for stage in family.stages(network, dataset):
        Trainer(stage, family.recipe, ALONE).run(checkpoint, lambda: False)
    served = family.served(network.eval(), dataset)

    def run(inputs: Mapping[str, Any]) -> dict[str, Any]:
        return run_module(served.module, served.signature, inputs)

    figures = family.judge(run, served, dataset, "test")
    assert isinstance(figures, ClassEvaluation)
    return figures


def test_balanced_weights_find_more_of_a_rare_class(tmp_path: Path):
    write_rare(tmp_path / "data")
    plain, balanced = (judged(tmp_path / "data", weights) for weights in ("none", "balanced"))
    assert balanced.recall["fraud"] > plain.recall["fraud"] + 0.3
    assert balanced.recall["fraud"] > 0.7
    # Accuracy does not show it: it is the price.
    assert balanced.accuracy < plain.accuracy
